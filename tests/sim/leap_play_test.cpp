// A play: a damaged register is healed while a phase that was counted there is still under way.
// What was promised there is lost, so that phase must not win any more; the leap of 2^40 rounds
// sees to it (group/heal_registers.hpp). Seeds hardly ever get there: ranks must rise on one disk
// alone.
#include <gtest/gtest.h>

#include "base/mutant.hpp"
#include "disk/step.hpp"
#include "unit/testbed/testbed.hpp"

namespace diskpaxos {
namespace {

constexpr std::uint64_t leap = std::uint64_t{1} << 40;

Task<void> read_to_the_end(Register& reg, Rank rank, Instant deadline, ReadOutcome& outcome) {
    outcome = co_await reg.read(rank, deadline);
}

// Restores the register on disk 2 as the last write of `by` would have left it.
void restore(Testbed& bed, const Register& by) {
    const Bytes damaged(bed.bytes(2, 0).begin(), bed.bytes(2, 0).end());
    Bytes image(damaged.size());
    encode_block(image, bed.address(2).block(0), by.own().block());
    const Stepped stepped = step(damaged, image, restoring(damaged), bed.bytes(2, 0));
    ASSERT_EQ(stepped.verdict, StepVerdict::done);
}

// What becomes of a read at a high rank: counted on disk 2, under way to disk 0, not heard on
// disk 1.
ReadOutcome read_across_a_healing() {
    Testbed bed(3, Testbed::small, DiskSet::first(3));
    const auto writer = bed.cell_of(1);
    bed.run(writer->change(set_to("first"), bed.soon()));

    const auto reader = bed.recovered(0);
    ReadOutcome outcome = Unavailable{};
    Scope scope(bed.queue);
    bed.moods(".fo");
    scope.spawn(read_to_the_end(*reader, {50, reader->me()}, Instant::max(), outcome));
    bed.queue.run_all();

    bed.spoil(2, 0);
    bed.moods("oof");
    const auto healer = bed.cell_of(2);
    const ChangeOutcome renewed = bed.run(healer->renew(leap, bed.soon()));
    EXPECT_TRUE(std::holds_alternative<Committed>(renewed));
    restore(bed, healer->reg());

    bed.moods("foo");
    const auto other = bed.cell_of(3);
    const ChangeOutcome changed = bed.run(other->change(set_to("second"), bed.soon()));
    EXPECT_TRUE(std::holds_alternative<Committed>(changed));
    bed.disk(0).release();  // and only now does the read arrive there
    bed.queue.run_all();
    if (std::holds_alternative<Found>(outcome)) {
        EXPECT_EQ(as_text(bed.format().view(reader->value()).value), "first");
    }
    return outcome;
}

TEST(LeapPlay, APhaseThatWasCountedBeforeTheHealingIsRefused) {
    EXPECT_TRUE(std::holds_alternative<Refused>(read_across_a_healing()));
}

TEST(LeapPlay, WithoutTheLeapItWinsAndMissesACommit) {
    active_mutant = Mutant::healed_without_leap;
    const ReadOutcome outcome = read_across_a_healing();
    active_mutant = Mutant::none;
    EXPECT_TRUE(std::holds_alternative<Found>(outcome));
}

}  // namespace
}  // namespace diskpaxos
