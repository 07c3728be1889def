// A group on three disks that another one is formatted over, while those of the old one go on: what
// the rules retire-F1 to F3 promise of it (docs/protocol.md, "When a disk changes hands").
#pragma once

#include <gtest/gtest.h>

#include "group/check.hpp"
#include "group/cluster.hpp"
#include "group/heal.hpp"

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

    // retire-F2: what each of them says. The second begins while the first one waits.
    std::pair<Result<void>, Result<void>> two_at_once() {
        Scope scope(cluster.queue);
        std::optional<Formatter> other;
        std::optional<Result<void>> done;
        Result<void> first = take_over(std::chrono::seconds(40), [&] {
            other.emplace(cluster.world, plan(std::chrono::seconds(60)), [](std::uint64_t) {});
            scope.spawn(format_too(*other, done));
        });
        EXPECT_FALSE(done) << "the second one still waits";
        while (!done) cluster.run(a_second(cluster.clock));
        return {std::move(first), *std::move(done)};
    }

    // retire-F3: what a healer says, and how often it has written to rows of a disk that was retired
    // after they were read.
    std::pair<HealReport, unsigned> healed_while_it_is_retired() {
        for (std::uint32_t cell = 0; cell < cluster.geometry.cells; ++cell) {
            std::ranges::fill(cluster.disks[1]->at(cluster.geometry.block(cell, 0)), std::byte{1});
        }
        const auto roster = cluster.assemble();
        const ByteSpan area(cluster.disks[1]->at(0).data(), superblock_area);
        const Superblock old = *decode_superblock(area, 0);
        const std::uint64_t rows = cluster.geometry.row(0).first;
        unsigned written = 0;
        bool retired = false;
        cluster.disks[1]->asked = [&](const Io& io) {
            if (io.kind != Io::Kind::read) {
                written += retired && io.to.first >= rows;
            } else if (io.from.first == rows && !retired) {
                encode_retired(area, old, Retired(), 0);
                retired = true;
            }
        };
        const Threshold rule = Threshold::majority(3);
        HostLocks::OfProcess locks(home);
        Healer healer(cluster.world, *roster, rule, locks, host_named("home"));
        auto healed = cluster.run(healer.run(cluster.soon()));
        cluster.disks[1]->asked = nullptr;
        EXPECT_TRUE(healed && retired);
        return {healed ? *std::move(healed) : HealReport(), written};
    }

    static Task<bool> a_second(Clock& clock) {
        co_await clock.sleep(std::chrono::seconds(1));
        co_return true;
    }
    static Task<void> format_too(Formatter& formatter, std::optional<Result<void>>& done) {
        auto running = formatter.run(never);
        done = co_await running;
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
