// What a phase over three disks costs in the steady state (design, section 5): one system call,
// and not a single allocation.
#include <algorithm>

#include "counted_new.hpp"
#include "testbed.hpp"

namespace diskpaxos::io {
namespace {

struct Phase {
    unsigned answered = 0;
    unsigned failed = 0;
    Event whole;
};

Task<void> visit(Disk& disk, Phase& phase) {
    IoPtr io = disk.prepare(Io::Kind::visit, {9, 1}, {0, 64});
    std::ranges::fill(io->out.bytes(), std::byte{7});
    io = co_await Transfer(disk, std::move(io));
    if (io->error != 0) ++phase.failed;
    if (++phase.answered == 3) phase.whole.set();
}

void run_phase(Rig& rig, Phase& phase) {
    phase.answered = 0;
    phase.whole.reset();
    for (auto& disk : rig.disks) rig.scope->spawn(visit(*disk, phase));
    rig.loop->run_until(phase.whole);
}

void add_three(Rig& rig, ScratchDirectory& scratch) {
    for (const char* name : {"d0", "d1", "d2"}) rig.add(scratch.file(name, 256 * 1024));
}

class CountTest : public EachBackend {};
INSTANTIATE_TEST_SUITE_P(, CountTest, testing::ValuesIn(backends()), parameter_name);

TEST_P(CountTest, AVisitAllocatesNothing) {
    if (!allocations_are_counted) GTEST_SKIP() << "the sanitizer keeps its own operator new";
    Rig rig(GetParam());
    add_three(rig, scratch);
    Phase phase;
    for (int warm = 0; warm < 50; ++warm) run_phase(rig, phase);
    const std::uint64_t before = allocations();
    for (int round = 0; round < 500; ++round) run_phase(rig, phase);
    EXPECT_EQ(allocations() - before, 0U);
    EXPECT_EQ(phase.failed, 0U);
    EXPECT_GT(before, 0U) << "the counter must count";
}

TEST(UringCountTest, APhaseOverThreeDisksIsOneSubmission) {
    ScratchDirectory scratch;
    if (backends().front() != Backend::uring) GTEST_SKIP() << make_loop()->remark;
    Rig rig(Backend::uring);
    add_three(rig, scratch);
    Phase phase;
    for (int warm = 0; warm < 50; ++warm) run_phase(rig, phase);
    const Counts before = rig.loop->counts();
    constexpr unsigned windows = 20;
    constexpr unsigned rounds = 100;
    std::uint64_t fewest_waits = ~std::uint64_t{0};
    for (unsigned window = 0; window < windows; ++window) {
        const std::uint64_t waits = rig.loop->counts().waits;
        for (unsigned round = 0; round < rounds; ++round) run_phase(rig, phase);
        fewest_waits = std::min(fewest_waits, rig.loop->counts().waits - waits);
    }
    const Counts& after = rig.loop->counts();
    EXPECT_EQ(after.submissions - before.submissions, windows * rounds);
    EXPECT_EQ(after.writes - before.writes, 3 * windows * rounds);
    EXPECT_EQ(after.reads - before.reads, 3 * windows * rounds);
    EXPECT_EQ(phase.failed, 0U);

    // The submission is the wait, too: only a phase that takes twice the usual time waits again.
    // This machine may be busy with other things, so the calmest hundred phases count; a loop that
    // woke up for every answer would wait some four hundred times in each.
    RecordProperty("fewest_waits_in_100_phases", static_cast<int>(fewest_waits));
    EXPECT_LE(fewest_waits, rounds / 2);
}

}  // namespace
}  // namespace diskpaxos::io
