// A group on three disks that another one is formatted over, while a process of the old one goes
// on: what rule retire-F1 promises of it (docs/protocol.md, "When a disk changes hands").
#pragma once

#include <gtest/gtest.h>

#include "group/check.hpp"
#include "group/cluster.hpp"

namespace diskpaxos {

class Takeover : public testing::Test {
  protected:
    Takeover() { EXPECT_TRUE(cluster.format()); }

    // As `format` does it, by another host; `wait` as with --evict.
    Result<void> take_over(
        Duration wait, std::function<void()> waiting = [] {}, const bool& stop = never) {
        Formatter formatter(cluster.world, plan(wait, std::move(waiting)), [](std::uint64_t) {});
        return cluster.run(formatter.run(stop));
    }
    FormatPlan plan(Duration wait, std::function<void()> waiting = [] {}) {
        FormatPlan plan;
        plan.superblock = new_superblock("next", cluster.disks.size(), cluster.geometry, 10'000, 0);
        plan.disks = cluster.all();
        plan.host = host_named("taker");
        for (const auto& disk : cluster.disks) {
            auto old = decode_superblock(ByteView(disk->at(0).data(), superblock_area), 0);
            const bool retired = !old && old.error() == Damage::retired;
            plan.before.push_back({old ? std::optional(*old) : std::nullopt, retired});
        }
        plan.wait = wait;
        plan.waiting = std::move(waiting);
        return plan;
    }
    Result<void> set(Process& process, std::string name) {
        return cluster.run(as_void(process.directory, std::move(name), cluster.soon()));
    }
    CheckReport check() {
        const auto roster = cluster.assemble();
        EXPECT_TRUE(roster);
        const Threshold rule = Threshold::majority(roster->disks());
        Checker checker(cluster.world, *roster, rule);
        return cluster.run(checker.run());
    }
    unsigned writes(std::size_t disk) const {
        return cluster.disks[disk]->counts.writes + cluster.disks[disk]->counts.visits;
    }
    std::uint64_t damaged() {
        std::uint64_t blocks = 0;
        for (const DiskReport& disk : check().disks) blocks += disk.damaged;
        return blocks;
    }

    // retire-F1: one block on each disk at the most, whatever it tries and how often.
    bool old_writes_end_with_the_first() {
        Process old(cluster, home, host_named("home"));
        EXPECT_TRUE(old.seated);
        EXPECT_TRUE(set(old, "x"));
        EXPECT_TRUE(set(old, "y"));
        EXPECT_TRUE(take_over(Duration(0)));
        const std::array<unsigned, 3> before{writes(0), writes(1), writes(2)};
        for (const char* name : {"x", "y", "x", "z"}) {
            const Result<void> done = set(old, name);
            if (done) return false;
            if (done.error().code != Code::other_group) return false;
        }
        for (std::size_t disk = 0; disk < 3; ++disk) {
            if (writes(disk) > before[disk] + 1) return false;
        }
        return damaged() <= 3;
    }

    static Task<Result<void>> as_void(Directory& directory, std::string name, Instant deadline) {
        auto setting = set_value(directory, std::move(name), "v", deadline);
        const auto done = co_await setting;
        if (!done) co_return std::unexpected(done.error());
        co_return Result<void>();
    }

    static constexpr bool never = false;
    Cluster cluster;
    HostLocks home;
};

}  // namespace diskpaxos
