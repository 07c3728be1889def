// Check and repair: every damaged block is rewritten by who is entitled to, from a set of disks
// that meets every quorum of the damaged one (algorithms.md 7.8).
#include <gtest/gtest.h>

#include "group/adopt.hpp"
#include "group/cluster.hpp"
#include "group/heal.hpp"

namespace diskpaxos {
namespace {

class Healing : public ::testing::Test {
  protected:
    void make(std::size_t disks = 3) {
        cluster = std::make_unique<Cluster>(disks);
        ASSERT_TRUE(cluster->format());
        rule = std::make_unique<Threshold>(Threshold::majority(disks));
    }
    void SetUp() override { make(); }

    void set(std::string name, std::string value, std::string host = "home") {
        Process process(*cluster, kernel(host), host_named(host));
        ASSERT_TRUE(process.seated);
        const auto done = cluster->run(
            set_value(process.directory, std::move(name), std::move(value), cluster->soon()));
        ASSERT_TRUE(done) << done.error().sentence;
    }
    std::string get(std::string name) {
        Process process(*cluster, kernel("home"), host_named("home"));
        const auto named = cluster->run(process.directory.get(std::move(name), cluster->soon()));
        return named ? std::string(as_text(named->value)) : "error: " + named.error().sentence;
    }
    void wipe(std::size_t disk, std::byte with = std::byte{0}) {
        for (std::uint64_t block = 0; block < cluster->geometry.blocks(); ++block) {
            std::ranges::fill(cluster->disks[disk]->at(block), with);
        }
    }
    CheckReport check() {
        Roster roster = *cluster->assemble();
        cluster->run(Adoption(cluster->world, roster, roster.only_missing()).run());
        Checker checker(cluster->world, roster, *rule);
        return cluster->run(checker.run());
    }
    HealReport heal(std::string host = "home", HealWish wish = {}) {
        Roster roster = *cluster->assemble();
        cluster->run(Adoption(cluster->world, roster, roster.only_missing()).run());
        HostLocks::OfProcess locks(kernel(host));
        Healer healer(cluster->world, roster, *rule, locks, host_named(host), std::move(wish));
        auto report = cluster->run(healer.run(cluster->soon()));
        EXPECT_TRUE(report) << report.error().sentence;
        return report.value_or(HealReport());
    }
    HostLocks& kernel(const std::string& host) { return kernels[host]; }

    std::unique_ptr<Cluster> cluster;
    std::unique_ptr<Threshold> rule;
    std::map<std::string, HostLocks> kernels;
};

TEST_F(Healing, AFreshGroupIsSound) {
    const CheckReport report = check();
    EXPECT_TRUE(report.sound());
    EXPECT_EQ(report.cells_in_use, 0U);
    for (const DiskReport& disk : report.disks) {
        EXPECT_EQ(disk.verdict(), DiskVerdict::sound);
        EXPECT_EQ(disk.initial, disk.blocks);
    }
}

TEST_F(Healing, AWipedDiskIsNamedAndHealedWhole) {
    set("x", "kept");
    wipe(1);
    const CheckReport before = check();
    EXPECT_FALSE(before.sound());
    EXPECT_EQ(before.disks[0].verdict(), DiskVerdict::sound);
    EXPECT_EQ(before.disks[1].verdict(), DiskVerdict::damaged);
    EXPECT_EQ(before.disks[1].by_damage[static_cast<std::size_t>(Damage::blank)],
              cluster->geometry.cells * cluster->geometry.row_blocks());

    const HealReport healed = heal();
    EXPECT_EQ(healed.superblocks, 2U);
    EXPECT_EQ(healed.unhealable + healed.failed, 0U);
    EXPECT_TRUE(healed.left.empty()) << healed.left.front();
    EXPECT_EQ(check().disks[1].verdict(), DiskVerdict::sound);

    wipe(2);  // now the healed disk is needed
    EXPECT_EQ(get("x"), "kept");
}

TEST_F(Healing, RandomBytesAreDamageAndAreHealed) {
    set("x", "kept");
    wipe(0, std::byte{0x5a});
    EXPECT_EQ(check().disks[0].verdict(), DiskVerdict::damaged);
    heal();
    EXPECT_TRUE(check().sound());
    EXPECT_EQ(get("x"), "kept");
}

TEST_F(Healing, ADiskThatMissedWritesIsStaleAndCatchesUp) {
    cluster->disks[2]->mood = MemoryDisk::Mood::failing;
    {
        Process process(*cluster, kernel("home"), host_named("home"));
        cluster->disks[2]->mood = MemoryDisk::Mood::failing;
        const auto done = cluster->run(set_value(process.directory, "x", "1", cluster->soon()));
        ASSERT_TRUE(done);
    }
    cluster->disks[2]->mood = MemoryDisk::Mood::ok;
    EXPECT_EQ(check().disks[2].verdict(), DiskVerdict::stale);
    EXPECT_EQ(heal().blocks, 1U);
    EXPECT_EQ(check().disks[2].verdict(), DiskVerdict::sound);
}

TEST_F(Healing, ASlotInUseIsLeftToItsUser) {
    Process living(*cluster, kernel("home"), host_named("home"));
    ASSERT_TRUE(cluster->run(set_value(living.directory, "x", "1", cluster->soon())));
    wipe(1);
    const HealReport healed = heal();
    ASSERT_EQ(healed.left.size(), 1U);
    EXPECT_NE(healed.left.front().find("1 slot is in use"), std::string::npos);
    const auto damaged = [&] { return check().disks[1].damaged; };
    EXPECT_EQ(damaged(), cluster->geometry.cells * cluster->geometry.ring);
    ASSERT_TRUE(cluster->run(set_value(living.directory, "x", "2", cluster->soon())));
    cluster->queue.run_all();
    EXPECT_EQ(damaged(), cluster->geometry.cells * cluster->geometry.ring - 1) << "by its user";
}

TEST_F(Healing, SlotsOfAnotherHostAreHealedThere) {
    set("x", "1", "away");
    wipe(1);
    const HealReport home = heal("home");
    ASSERT_EQ(home.left.size(), 1U);
    EXPECT_NE(home.left.front().find("belongs to host away"), std::string::npos);
    EXPECT_FALSE(check().sound());
    EXPECT_TRUE(heal("away").left.size() == 1);  // those of home are sound by now, but home's
    EXPECT_TRUE(check().sound());
    EXPECT_EQ(get("x"), "1");
}

TEST_F(Healing, SlotsThatAreSoundAreLeftToTheirUsers) {
    const Process one(*cluster, kernel("home"), host_named("home"), 1);
    ASSERT_TRUE(one.seated);
    cluster->disks[1]->at(cluster->geometry.block(0, 2, 0))[200] ^= std::byte{1};
    const CheckReport hurt = check();
    for (std::uint32_t slot = 0; slot < cluster->geometry.slots; ++slot) {
        EXPECT_EQ(hurt.hurt[slot], slot == 2) << slot;
    }
    for (auto& disk : cluster->disks) disk->counts = {};
    const HealReport healed = heal("home", {.slots = hurt.hurt, .watch = false});
    EXPECT_EQ(healed.blocks, 1U);
    EXPECT_TRUE(healed.left.empty()) << healed.left.front();
    EXPECT_EQ(healed.not_now, 0U);
    EXPECT_EQ(cluster->disks[1]->counts.writes, 1U) << "no slot was claimed for nothing";
    EXPECT_TRUE(check().sound());
}

// A host was killed in its first join: its claim stands, and bars slot 4.
class BarredHealing : public Healing {
  protected:
    void SetUp() override {
        Healing::SetUp();
        const Roster roster = *cluster->assemble();
        Claim killed(cluster->world, roster, *rule, host_named("bravo"));
        Scope scope(cluster->queue);
        scope.spawn(claim(killed, cluster->soon()));
        cluster->queue.run_all();
        wipe(1);
    }
    static Task<void> keep(Healer& healer, Instant deadline, Result<HealReport>& report) {
        report = co_await healer.run(deadline);
    }
    static Task<void> claim(Claim& of, Instant deadline) {
        std::vector<Asked> asked(1);
        asked[0].slot = 4;
        (void)co_await of.run(std::move(asked), Watched(), deadline);
    }
};

TEST_F(BarredHealing, WithoutAWatchTheRestIsHealedAtOnce) {
    const Instant before = cluster->clock.now();
    const HealReport healed = heal("home", {.slots = {}, .watch = false});
    EXPECT_LT(cluster->clock.now() - before, std::chrono::seconds(3)) << "two claims";
    EXPECT_EQ(healed.barred, 8U) << "the table of the wiped disk waits, as the stamp does";
    EXPECT_EQ(healed.not_now, 0U);
    const CheckReport after = check();
    for (std::uint32_t slot = 0; slot < cluster->geometry.slots; ++slot) {
        EXPECT_EQ(after.hurt[slot], slot == 4) << slot;
    }
}

TEST_F(BarredHealing, ProcessesOfThisHostWorkWhileAClaimIsWatched) {
    Roster roster = *cluster->assemble();
    cluster->run(Adoption(cluster->world, roster, roster.only_missing()).run());
    HostLocks::OfProcess locks(kernel("home"));
    Healer healer(cluster->world, roster, *rule, locks, host_named("home"));
    Scope scope(cluster->queue);
    Result<HealReport> report;
    const Instant deadline = cluster->clock.now() + std::chrono::seconds(10);  // less than a watch
    scope.spawn(keep(healer, deadline, report));
    cluster->queue.run_all();
    const Instant watching = cluster->clock.now() + std::chrono::seconds(10);
    for (cluster->queue.run_all(); cluster->clock.now() < watching; cluster->queue.run_all()) {
        cluster->clock.advance(std::chrono::milliseconds(10));
    }
    const Instant before = cluster->clock.now();
    std::vector<std::unique_ptr<Process>> processes;
    for (int i = 0; i < 4; ++i) {
        processes.push_back(
            std::make_unique<Process>(*cluster, kernel("home"), host_named("home")));
        EXPECT_TRUE(processes.back()->seated) << i;
    }
    EXPECT_EQ(cluster->clock.now(), before) << "nobody has waited";
    processes.clear();
    for (cluster->queue.run_all(); !scope.idle().is_set(); cluster->queue.run_all()) {
        cluster->clock.advance_to_next();
    }
    ASSERT_TRUE(report) << report.error().sentence;
    EXPECT_TRUE(report->left.empty()) << report->left.front();
    EXPECT_TRUE(check().sound());
}

// Free slots are claimed for the time of the healing, and free again afterwards.
TEST_F(Healing, FreeSlotsStayFree) {
    wipe(1);
    heal();
    HostLocks away;
    Process process(*cluster, away, host_named("away"));
    EXPECT_TRUE(process.seated);
}

TEST_F(Healing, NothingIsHealedFromAMinority) {
    make(5);
    set("x", "kept");
    Cluster& c = *cluster;
    for (const std::size_t disk : {0U, 1U}) {  // the block of one slot is damaged on three disks
        for (std::uint32_t place = 0; place < c.geometry.row_blocks(); ++place) {
            c.disks[disk]->at(c.geometry.row(0).first + place)[200] ^= std::byte{1};
        }
    }
    HealReport two = heal();
    EXPECT_EQ(two.unhealable, 0U);
    for (const std::size_t disk : {0U, 1U, 2U}) {
        c.disks[disk]->at(c.geometry.block(0, 1, 0))[200] ^= std::byte{1};
    }
    const HealReport three = heal();
    EXPECT_EQ(three.unhealable, 3U) << "two of five are left: they meet no quorum of the others";
    EXPECT_EQ(get("x"), "kept") << "cells other than the damaged one live on";
}

TEST_F(Healing, OneDiskAloneCannotBeHealed) {
    make(1);
    set("x", "1");
    cluster->disks[0]->at(cluster->geometry.block(0, 1, 0))[200] ^= std::byte{1};
    EXPECT_EQ(heal().unhealable, 1U);
}

// The merge takes the highest promise and the highest accepted pair apart (7.8, mutant heal_by_rank).
TEST(Merging, TakesPromiseAndAcceptedApart) {
    const Bytes old_value(1, std::byte{1}), new_value(1, std::byte{2});
    const auto copy = [](std::uint64_t promised, std::uint64_t accepted, ByteView value) {
        Decoded decoded;
        decoded.state = BlockState::valid;
        decoded.block = {.incarnation = Proposer(7), .seq = promised, .promised = {promised, {}},
                         .accepted = {accepted, {}}, .committed = {}, .value = value};
        return decoded;
    };
    std::vector<Decoded> copies(3);
    copies[0] = copy(9, 2, old_value);
    copies[1] = copy(8, 5, new_value);
    const auto merged = heal(copies, 2, Threshold::majority(3));
    ASSERT_TRUE(merged);
    EXPECT_EQ(merged->block.promised.round, 9U);
    EXPECT_EQ(merged->block.accepted.round, 5U);
    EXPECT_EQ(merged->block.value[0], std::byte{2});
    copies[1] = Decoded();
    EXPECT_FALSE(heal(copies, 2, Threshold::majority(3))) << "one other disk of three is no basis";
    Decoded initial;
    initial.state = BlockState::initial;
    copies[0] = copies[1] = initial;
    EXPECT_TRUE(heal(copies, 2, Threshold::majority(3))->initial);
}

}  // namespace
}  // namespace diskpaxos
