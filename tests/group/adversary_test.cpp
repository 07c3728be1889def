// Schedules that an adversary found. Each broke the code once; the sentence says which rule it
// was that the code had not kept.
#include <gtest/gtest.h>

#include "group/cluster.hpp"
#include "unit/testbed/testbed.hpp"

namespace diskpaxos {
namespace {

using std::chrono::milliseconds;

Task<void> release_later(Clock& clock, MemoryDisk& disk, Duration after) {
    co_await clock.sleep(after);
    disk.release();
}

Task<void> increase(Directory& directory, std::int64_t by, Instant deadline,
                    std::optional<Result<Named>>& answer) {
    Result<Named> named = co_await increment(directory, "x", by, deadline);
    answer.emplace(std::move(named));
}

Task<void> look(Register& reg, Instant deadline, std::optional<LookOutcome>& answer) {
    answer = co_await reg.look(deadline);
}

Task<void> claim(Claim& of, Instant deadline, std::optional<bool>& won) {
    std::vector<Asked> asked(1);
    asked[0].slot = 4;
    const auto claimed = co_await of.run(std::move(asked), Watched(), deadline);
    won = claimed.front().won;
}

// Phase 0 counts only disks that are open to us (7.1): what our predecessor committed may stand on
// a closed disk, where his writes may still be landing, and one other.
TEST(Adversary, AClosedDiskDoesNotCountInPhaseZero) {
    Cluster cluster;
    ASSERT_TRUE(cluster.format());
    HostLocks kernel;
    HostLocks::OfProcess racing(kernel);  // another process that starts, for a moment
    ASSERT_TRUE(racing.try_lock(*cluster.disks[2], 0));
    {
        Process first(cluster, kernel, host_named("home"), 0);
        racing.unlock(*cluster.disks[2], 0);
        const auto one = cluster.run(increment(first.directory, "x", 1, cluster.soon()));
        ASSERT_TRUE(one);
        EXPECT_EQ(one->version, 1U);
    }
    ASSERT_TRUE(racing.try_lock(*cluster.disks[1], 0));
    Process second(cluster, kernel, host_named("home"), 0);
    racing.unlock(*cluster.disks[1], 0);
    cluster.disks[0]->mood = MemoryDisk::Mood::silent;
    Scope scope(cluster.queue);
    scope.spawn(release_later(cluster.clock, *cluster.disks[0], milliseconds(20)));
    const auto two = cluster.run(increment(second.directory, "x", 1, cluster.soon()));
    ASSERT_TRUE(two) << two.error().sentence;
    EXPECT_EQ(two->version, 2U);
}

// One phase at a time per register: a look for a hint must not take the tally from under a change.
TEST(Adversary, AGlanceWaitsForTheChangeOfAnother) {
    Cluster cluster;
    ASSERT_TRUE(cluster.format());
    HostLocks kernel;
    Process process(cluster, kernel, host_named("home"), 0);
    ASSERT_TRUE(cluster.run(increment(process.directory, "x", 1, cluster.soon())));
    Directory other(process.group);
    for (const std::size_t disk : {1U, 2U}) cluster.disks[disk]->mood = MemoryDisk::Mood::silent;
    std::optional<Result<Named>> held, behind;
    Scope scope(cluster.queue);
    scope.spawn(increase(process.directory, 1, cluster.soon(), held));
    cluster.queue.run_all();
    for (const std::size_t disk : {1U, 2U}) cluster.disks[disk]->mood = MemoryDisk::Mood::ok;
    scope.spawn(increase(other, 0, cluster.soon(), behind));
    cluster.queue.run_all();
    EXPECT_FALSE(held) << "acknowledged while its block stood on one disk";
    for (const std::size_t disk : {1U, 2U}) cluster.disks[disk]->release();
    cluster.queue.run_all();
    EXPECT_TRUE(held && *held);
    EXPECT_TRUE(behind && *behind);
}

// A commit mark vouches for the rank that it names (4.5): one above it says the value was passed
// over. q's operations are planted; it committed ranks 2 and 3 without having seen p's value.
TEST(Adversary, AMarkAboveAValueDoesNotVouchForIt) {
    Testbed bed(3);
    const auto p = bed.recovered(0), reader = bed.recovered(2);
    const Proposer me = Proposer::of(0, 1), q = Proposer::of(1, 1);
    bed.disk(0).mood = MemoryDisk::Mood::silent;  // the reader sees disk 2 early, disk 0 late
    bed.disk(1).mood = MemoryDisk::Mood::failing;
    std::optional<LookOutcome> seen;
    Scope scope(bed.queue);
    scope.spawn(look(*reader, bed.soon(), seen));
    bed.queue.run_all();
    bed.disk(0).mood = MemoryDisk::Mood::ok;
    bed.disk(1).mood = MemoryDisk::Mood::silent;
    const Bytes value(1, std::byte{'q'});
    bed.disk(2).after_read = [&] {
        for (const std::size_t disk : {1U, 2U}) {
            bed.put(disk, bed.place(1), {.incarnation = q, .seq = 3, .promised = {4, q},
                                         .accepted = {3, q}, .committed = {2, q}, .value = value});
        }
        bed.disk(1).release();
    };
    const ReadOutcome read = bed.run(p->read({1, me}, bed.soon()));
    ASSERT_TRUE(std::holds_alternative<Found>(read));
    const WriteOutcome wrote = bed.run(p->write({1, me}, as_bytes("phantom"), {5, me}, bed.soon()));
    EXPECT_TRUE(std::holds_alternative<Refused>(wrote));
    bed.disk(0).release();
    bed.queue.run_all();
    ASSERT_TRUE(seen);
    const auto* certainty = std::get_if<Certainty>(&*seen);
    const bool sure = certainty != nullptr && *certainty == Certainty::committed;
    EXPECT_FALSE(sure && as_text(reader->value()) == "phantom");
}

// A host that is killed in the middle of its first join does not shut out the next one.
TEST(Adversary, AnAbandonedClaimIsGoneRound) {
    Cluster cluster;
    ASSERT_TRUE(cluster.format());
    HostLocks bravo, charlie;
    {
        const Roster roster = *cluster.assemble();
        const Threshold rule = Threshold::majority(3);
        Claim killed(cluster.world, roster, rule, host_named("bravo"));
        std::optional<bool> won;
        Scope scope(cluster.queue);
        scope.spawn(claim(killed, cluster.soon(), won));
        cluster.queue.run_all();  // it has stamped slot 4, and waits: killed here
    }
    Process process(cluster, charlie, host_named("charlie"));
    ASSERT_TRUE(process.seated) << process.seated.error().sentence;
    EXPECT_NE(process.group.seat()->slot, 4U);
}

// Two hosts whose stamps and owner entries cross in the worst way: never both in one slot (9.5).
TEST(Adversary, AClaimThatWasGivenUpSeatsNobodyElse) {
    Cluster cluster;
    ASSERT_TRUE(cluster.format());
    const Roster roster = *cluster.assemble();
    const Threshold rule = Threshold::majority(3);
    Claim alpha(cluster.world, roster, rule, host_named("alpha"));
    Claim charlie(cluster.world, roster, rule, host_named("charlie"));
    std::optional<bool> won_alpha, won_charlie;
    Scope scope(cluster.queue);
    const auto pass = [&](Duration time) {
        const Instant end = cluster.clock.now() + time;
        for (cluster.queue.run_all(); cluster.clock.now() < end; cluster.queue.run_all()) {
            cluster.clock.advance(milliseconds(1));
        }
    };
    for (auto& disk : cluster.disks) {  // charlie has read; its stamps hang
        disk->after_read = [&disk] { disk->mood = MemoryDisk::Mood::silent; };
    }
    scope.spawn(claim(charlie, cluster.soon(), won_charlie));
    pass(milliseconds(1));
    for (auto& disk : cluster.disks) disk->mood = MemoryDisk::Mood::ok;
    scope.spawn(claim(alpha, cluster.soon(), won_alpha));
    pass(milliseconds(1));
    for (auto& disk : cluster.disks) {  // alpha is validated; then the stamps land; its entries hang
        disk->after_read = [&disk] {
            disk->release();
            disk->mood = MemoryDisk::Mood::silent;
        };
    }
    pass(milliseconds(1001));
    for (auto& disk : cluster.disks) disk->mood = MemoryDisk::Mood::ok;
    pass(milliseconds(4500));
    ASSERT_TRUE(won_alpha && won_charlie);
    EXPECT_FALSE(*won_alpha || *won_charlie);
    for (auto& disk : cluster.disks) {
        disk->after_read = nullptr;
        disk->release();
    }
    pass(milliseconds(1));

    // Charlie's own stamp stands, but is no licence: it is watched and settled as any other.
    HostLocks kernel_alpha, kernel_charlie;
    const Instant before = cluster.clock.now();
    const Process late(cluster, kernel_charlie, host_named("charlie"), 4);
    EXPECT_TRUE(late.seated) << late.seated.error().sentence;
    EXPECT_GE(cluster.clock.now() - before, std::chrono::seconds(34));
    const Process early(cluster, kernel_alpha, host_named("alpha"), 4);
    EXPECT_FALSE(early.seated);
}

}  // namespace
}  // namespace diskpaxos
