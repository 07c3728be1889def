// Plays around the ceiling of ranks, each of them with and without the error that it is to catch. Seeds
// hardly ever get there: it takes a stranger who knows what he does.
#include <gtest/gtest.h>

#include "base/mutant.hpp"
#include "disk/step.hpp"
#include "group/ceilings.hpp"
#include "group/cluster.hpp"
#include "group/heal_registers.hpp"
#include "sim/ceiling_hours.hpp"
#include "unit/testbed/testbed.hpp"

namespace diskpaxos {
namespace {

constexpr std::uint64_t grace = ceiling(0, 0);
constexpr std::uint64_t leap = RegisterHealer::leap;

class Mutated {
  public:
    explicit Mutated(Mutant mutant) { active_mutant = mutant; }
    Mutated(const Mutated&) = delete;
    Mutated& operator=(const Mutated&) = delete;
    ~Mutated() { active_mutant = Mutant::none; }
};

std::unique_ptr<Testbed> agents() {
    auto bed = std::make_unique<Testbed>(3, Testbed::small, DiskSet::first(3));
    for (std::size_t disk = 0; disk < 3; ++disk) bed->disk(disk).ceiling = grace;
    return bed;
}

bool changes(Testbed& bed, std::uint16_t slot) {
    const auto cell = bed.cell_of(slot);
    return std::holds_alternative<Committed>(bed.run(cell->change(set_to("v"), bed.soon())));
}

// ---- ceiling-C1: a stranger writes what is there, and promises the end of all ranks along with it ----

bool works_after_a_greedy_write() {
    const auto bed = agents();
    EXPECT_TRUE(changes(*bed, 1));
    const auto stranger = bed->recovered(2);
    const Rank rank{grace - 5, stranger->me()};
    EXPECT_TRUE(std::holds_alternative<Found>(bed->run(stranger->read(rank, bed->soon()))));
    const Bytes value(stranger->value().begin(), stranger->value().end());
    const Rank end{last_promise, stranger->me()};
    (void)bed->run(stranger->write(rank, value, end, bed->soon()));
    bed->queue.run_all();
    return changes(*bed, 1);
}

TEST(CeilingPlay, AWriteThatPromisesTooMuchHarmsNobody) { EXPECT_TRUE(works_after_a_greedy_write()); }

TEST(CeilingPlay, WithoutACeilingOfWritesTheRegisterIsLost) {
    const Mutated mutant(Mutant::ceiling_of_reads_only);
    EXPECT_FALSE(works_after_a_greedy_write());
}

// ---- ceiling-C3: one agent is in 2099, and a stranger has made use of it ----

bool works_beside_2099() {
    const auto bed = agents();
    bed->disk(0).ceiling = grace << 13;
    bed->promise(0, 0, {grace << 13, Proposer::of(9, 1)});
    return changes(*bed, 1) && changes(*bed, 2);
}

TEST(CeilingPlay, TheAgentOf2099IsLeftOut) { EXPECT_TRUE(works_beside_2099()); }

TEST(CeilingPlay, GoingHigherLeadsNowhere) {
    const Mutated mutant(Mutant::ceiling_jumped);
    EXPECT_FALSE(works_beside_2099());
}

// ---- ceiling-C5: one of those that are left is slower than the refusal of the one left out ----

sim::Deeds works_beside_a_slow_agent() {
    return sim::HourlyPlay(sim::beside_a_slow_agent(true)).run();
}

TEST(CeilingPlay, ASlowAgentIsWaitedFor) {
    const sim::Deeds deeds = works_beside_a_slow_agent();
    EXPECT_GT(deeds.done, 0U);
    EXPECT_EQ(deeds.failed, 0U);
}

TEST(CeilingPlay, CutShortByWhatWasForeseenItIsNeverHeard) {
    const Mutated mutant(Mutant::foreseen_is_news);
    EXPECT_GT(works_beside_a_slow_agent().failed, 0U);
}

TEST(CeilingPlay, AWalkWithoutItHasNoEnd) {
    const Mutated mutant(Mutant::walked_to_the_end);
    EXPECT_GT(works_beside_a_slow_agent().failed, 0U);
}

// ---- ceiling-C4: leap_play_test's healing, after one step of a stranger ----

Task<void> read_to_the_end(Register& reg, Rank rank, Instant deadline, ReadOutcome& outcome) {
    outcome = co_await reg.read(rank, deadline);
}

// What becomes of a read that begins above what a stranger has promised in one step on disk 2: counted
// there, under way to disk 0, not heard on disk 1. Then disk 2 is damaged, and healed.
ReadOutcome read_across_a_healing() {
    const auto made = agents();
    Testbed& bed = *made;
    EXPECT_TRUE(changes(bed, 1));
    bed.promise(2, 0, {grace - 1, Proposer::of(9, 1)});
    const auto reader = bed.recovered(0);
    ReadOutcome outcome = Unavailable{};
    Scope scope(bed.queue);
    bed.moods(".fo");
    scope.spawn(read_to_the_end(*reader, {grace, reader->me()}, Instant::max(), outcome));
    bed.queue.run_all();

    bed.spoil(2, 0);
    bed.moods("oof");
    for (std::size_t disk = 0; disk < 3; ++disk) bed.disk(disk).ceiling = no_ceiling;
    const auto healer = bed.cell_of(2);  // who may format: nothing bars him
    const ChangeOutcome renewed = bed.run(healer->renew(leap, bed.soon(), renewed_above(0, 0)));
    EXPECT_TRUE(std::holds_alternative<Committed>(renewed));
    bed.queue.run_all();
    const Bytes damaged(bed.bytes(2, 0).begin(), bed.bytes(2, 0).end());
    Bytes image(damaged.size());
    encode_block(image, bed.address(2).block(0), healer->reg().own().block());
    EXPECT_EQ(step(damaged, image, restoring(damaged), bed.bytes(2, 0)).verdict, StepVerdict::done);
    for (std::size_t disk = 0; disk < 3; ++disk) bed.disk(disk).ceiling = grace;

    bed.moods("foo");
    EXPECT_TRUE(changes(bed, 3));
    bed.disk(0).release();  // and only now does the read arrive there
    bed.queue.run_all();
    return outcome;
}

TEST(CeilingPlay, APhaseThatAStrangerHasRaisedIsRefusedAfterTheHealing) {
    EXPECT_TRUE(std::holds_alternative<Refused>(read_across_a_healing()));
}

TEST(CeilingPlay, HealedBelowTheCeilingItMissesACommit) {
    const Mutated mutant(Mutant::healed_below_ceiling);
    EXPECT_TRUE(std::holds_alternative<Found>(read_across_a_healing()));
}

// ---- ceiling-C2: repair lifts what is behind, and lowers nothing ----

struct Repaired {
    Rank before, after;  // the promise that stood highest, on its disk
    Rank behind;         // and then on another
    RegisterReport report;
};

Repaired repair(std::uint64_t round) {
    constexpr Geometry shape{.block_size = 512, .slots = 4, .ring = 1, .cells = 2};
    Cluster cluster(3, shape, 3);
    EXPECT_TRUE(cluster.format());
    HostLocks kernel;
    Process healer(cluster, kernel, host_named("home"));
    EXPECT_TRUE(healer.seated);
    const Roster& roster = healer.group.roster();
    const auto at = [&](std::size_t disk) {
        return cluster.disks[disk]->at(roster.geometry(disk).row(0).first);
    };
    const auto promised = [&](std::size_t disk) {
        return decode_block(at(disk), roster.row(disk, 0).block(0)).block.promised;
    };
    const auto changed = cluster.run(healer.group.cell(0).change(set_to("v"), cluster.soon()));
    EXPECT_TRUE(std::holds_alternative<Committed>(changed));
    cluster.queue.run_all();
    const Rank high{round, Proposer::of(9, 1)};
    const Block below = decode_block(at(1), roster.row(1, 0).block(0)).block;
    const Bytes value(below.value.begin(), below.value.end());
    encode_block(at(0), roster.row(0, 0).block(0),
                 {.incarnation = high.proposer, .seq = 1, .promised = high, .accepted = below.accepted,
                  .committed = {}, .value = value});
    Repaired result{.before = promised(0), .after = {}, .behind = {}, .report = {}};
    RegisterHealer healing(healer.group);
    result.report = cluster.run(healing.run(std::chrono::seconds(5)));
    cluster.queue.run_all();
    result.after = promised(0);
    result.behind = promised(1);
    return result;
}

TEST(CeilingPlay, RepairLiftsWhatIsBehind) {
    const Repaired done = repair(grace + 5000);
    EXPECT_GE(done.after, done.before);
    EXPECT_GT(done.behind.round, grace + 5000);
    EXPECT_EQ(done.report.renewed, 1U);
    EXPECT_EQ(done.report.failed + done.report.no_room, 0U);
}

TEST(CeilingPlay, RepairSaysWhereNoRoomIsLeft) {
    const Repaired done = repair(last_promise);
    EXPECT_EQ(done.after, done.before);
    EXPECT_EQ(done.report.no_room, 1U);
    EXPECT_EQ(done.report.renewed, 1U) << "the other two go on without it";
}

TEST(CeilingPlay, ARepairThatLowersAPromiseIsSeen) {
    const Mutated mutant(Mutant::ceiling_lowered);
    const Repaired done = repair(std::uint64_t{1} << 50);
    EXPECT_LT(done.after, done.before);
}

}  // namespace
}  // namespace diskpaxos
