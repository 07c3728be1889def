// Disks that err, hang and answer late: what the waiter learns, and what happens all the same.
#include <algorithm>
#include <cerrno>
#include <thread>

#include "fault_disks.hpp"
#include "io/threads.hpp"
#include "io/uring.hpp"
#include "testbed.hpp"

namespace diskpaxos::io {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t size = 256 * 1024;
const std::string blank(512, '\0');

std::string block_of(char c) {
    return std::string(512, c);
}
constexpr std::byte fill(char c) {
    return static_cast<std::byte>(c);
}

// A request whose answer nobody will live to see.
Task<void> ask(Disk& disk, Io::Kind kind, Extent to, Extent from, std::byte content) {
    IoPtr io = disk.prepare(kind, to, from);
    std::ranges::fill(io->out.bytes(), content);
    io = co_await Transfer(disk, std::move(io));
}

class FaultTest : public testing::TestWithParam<Backend> {
  protected:
    void SetUp() override {
        if (!faulty.ready()) GTEST_SKIP() << faulty.problem();
        for (unsigned disk = 0; disk < 3; ++disk) rig.add(faulty.path(disk));
        for (auto& disk : rig.disks) warm_up(*disk);
    }
    // The first request on a FUSE file asks the daemon whether it can be polled, and waits for it.
    void warm_up(Disk& disk) {
        Answer answer;
        rig.visit(disk, {0, 1}, {0, 1}, std::byte{0}, answer);
        ASSERT_EQ(answer.error, 0);
    }
    void wait_for_content(unsigned disk, std::uint64_t block, const std::string& wanted) {
        for (int i = 0; i < 1000 && faulty.content(disk, block * 512, 512) != wanted; ++i) {
            std::this_thread::sleep_for(5ms);
        }
        EXPECT_EQ(faulty.content(disk, block * 512, 512), wanted);
    }

    FaultDisks faulty{3, size};
    Rig rig{GetParam()};
};
INSTANTIATE_TEST_SUITE_P(, FaultTest, testing::ValuesIn(backends()), parameter_name);

TEST_P(FaultTest, AnErrorReachesTheWaiter) {
    faulty.tell(0, "error w 28");
    Answer write_failed;
    rig.visit(*rig.disks[0], {1, 1}, {0, 8}, fill('a'), write_failed);
    EXPECT_EQ(write_failed.error, ENOSPC);
    EXPECT_FALSE(write_failed.wrote);

    faulty.tell(0, "clear");
    faulty.tell(0, "error r 5");
    Answer read_failed;
    rig.visit(*rig.disks[0], {1, 1}, {0, 8}, fill('b'), read_failed);
    EXPECT_EQ(read_failed.error, EIO);
    EXPECT_TRUE(read_failed.wrote);
    EXPECT_EQ(faulty.content(0, 512, 512), block_of('b'));
}

TEST_P(FaultTest, AShortWriteFailsTheVisitBeforeItReads) {
    const auto before = faulty.totals(0).reads;
    faulty.tell_path(0, 0, "shorten 256");
    Answer visit;
    rig.visit(*rig.disks[0], {1, 1}, {0, 8}, fill('a'), visit);
    // Of an asynchronous write that is short, FUSE tells nothing but EIO (fuse_get_res_by_io in its
    // file.c). Where the length is told we know better.
    EXPECT_EQ(visit.error, GetParam() == Backend::uring ? EIO : ENOSPC);
    EXPECT_FALSE(visit.wrote);
    EXPECT_EQ(faulty.totals(0).reads, before);
}

TEST_P(FaultTest, AHungDiskDelaysNobodyElse) {
    faulty.tell(0, "hang rw");
    Answer straggler;
    rig.start(*rig.disks[0], Io::Kind::visit, {1, 1}, {0, 8}, fill('s'), straggler);
    const Instant start = rig.loop->now();
    for (int round = 0; round < 20; ++round) {
        for (unsigned disk : {1U, 2U}) {
            Answer prompt;
            rig.visit(*rig.disks[disk], {1, 1}, {0, 8}, fill('p'), prompt);
            EXPECT_EQ(prompt.error, 0);
        }
    }
    EXPECT_LT(rig.loop->now() - start, 2s);
    EXPECT_FALSE(straggler.came.is_set());
    faulty.wait_until_held(0, 1);

    faulty.tell(0, "release");
    rig.loop->run_until(straggler.came);
    EXPECT_EQ(straggler.error, 0);
    EXPECT_TRUE(straggler.wrote);
    EXPECT_GE(straggler.nanoseconds, 1000U);
}

// The loop likes to gather all answers to one submission in one wait, but a majority need not wait
// for a disk that is slower than the others.
TEST_P(FaultTest, ASlowDiskDelaysNoMajority) {
    constexpr int rounds = 60;
    faulty.tell(0, "delay r 20000");
    std::vector<std::unique_ptr<Answer>> slow;
    std::vector<Duration> phases;
    for (int round = 0; round < rounds; ++round) {
        if (slow.empty() || slow.back()->came.is_set()) {
            slow.push_back(std::make_unique<Answer>());
            rig.start(*rig.disks[0], Io::Kind::visit, {1, 1}, {0, 8}, fill('s'), *slow.back());
        }
        Answer one;
        Answer two;
        const Instant start = rig.loop->now();
        rig.start(*rig.disks[1], Io::Kind::visit, {1, 1}, {0, 8}, fill('p'), one);
        rig.start(*rig.disks[2], Io::Kind::visit, {1, 1}, {0, 8}, fill('p'), two);
        rig.loop->run_until([&] { return one.came.is_set() && two.came.is_set(); });
        phases.push_back(rig.loop->now() - start);
        std::this_thread::sleep_for(2ms);  // so that the slow disk is asked several times
    }
    rig.loop->run_until(rig.scope->idle());
    EXPECT_GE(slow.size(), 3U);
    for (const auto& answer : slow) EXPECT_GE(answer->nanoseconds, 20'000'000U);
    std::ranges::sort(phases);
    EXPECT_LT(phases[rounds / 2], 10ms);
}

TEST_P(FaultTest, ATimeOutOnlyWakesTheWaiter) {
    faulty.tell(0, "hang w");
    Answer impatient;
    rig.scope->spawn(carry_until(*rig.loop, *rig.disks[0], Io::Kind::write, {1, 1}, {}, fill('l'),
                                 rig.loop->now() + 50ms, impatient));
    rig.loop->run_until(impatient.came);
    EXPECT_TRUE(impatient.waited_in_vain);
    faulty.wait_until_held(0, 1);
    EXPECT_EQ(faulty.content(0, 512, 512), blank);

    faulty.tell(0, "release");  // nobody waits any more, and yet
    wait_for_content(0, 1, block_of('l'));
}

TEST_P(FaultTest, ADeadWaiterLeavesTheRequestToTheDisk) {
    faulty.tell(0, "hang w");
    {
        Scope mortal(rig.loop->queue());
        mortal.spawn(ask(*rig.disks[0], Io::Kind::visit, {2, 1}, {0, 8}, fill('d')));
        rig.loop->run_until([] { return true; });  // submitted; now its process dies
    }
    faulty.wait_until_held(0, 1);
    faulty.tell(0, "release");
    wait_for_content(0, 2, block_of('d'));
    warm_up(*rig.disks[0]);  // which reuses the request, if all went well
}

TEST_P(FaultTest, AHungDiskHasSoManyInFlightAndNoMore) {
    constexpr unsigned asked = 50;
    const auto before = rig.loop->counts().reads;
    faulty.tell(0, "hang r");
    std::vector<std::unique_ptr<Answer>> answers;
    for (unsigned i = 0; i < asked; ++i) {
        answers.push_back(std::make_unique<Answer>());
        rig.start(*rig.disks[0], Io::Kind::read, {}, {i, 1}, std::byte{0}, *answers.back());
    }
    Answer prompt;
    rig.visit(*rig.disks[1], {1, 1}, {0, 8}, fill('p'), prompt);
    EXPECT_EQ(prompt.error, 0) << "the others of the hung disk wait in its own queue";

    const bool uring = GetParam() == Backend::uring;
    if (uring) {
        EXPECT_EQ(rig.loop->counts().reads - before, UringDisk::most_in_flight_of_file + 1);
    }
    const unsigned cap = uring ? UringDisk::most_in_flight_of_file : ThreadDisk::threads_per_disk;
    std::this_thread::sleep_for(50ms);
    EXPECT_LE(faulty.totals(0).held, cap);
    EXPECT_GE(faulty.totals(0).held, 1U);

    faulty.tell(0, "release");
    rig.loop->run_until(rig.scope->idle());
    for (const auto& answer : answers) EXPECT_EQ(answer->error, 0);
}

// The buffer must not be freed under the device: the sanitizer looks at that, and the content
// that lands late must be the content that was asked for.
TEST_P(FaultTest, ADiskThatGoesAwayLeavesItsRequestsTheirBuffers) {
    faulty.tell(0, "hang w");
    rig.scope->spawn(ask(*rig.disks[0], Io::Kind::visit, {3, 1}, {0, 8}, fill('g')));
    rig.loop->run_until([] { return true; });
    faulty.wait_until_held(0, 1);
    rig.scope.reset();
    rig.disks.erase(rig.disks.begin());
    rig.opened.erase(rig.opened.begin());

    const std::vector<std::string> new_tenants(64, block_of('x'));  // of any memory that was freed
    faulty.tell(0, "release");
    wait_for_content(0, 3, block_of('g'));
    rig.scope = std::make_unique<Scope>(rig.loop->queue());
    warm_up(*rig.disks[0]);  // another disk: the loop is as good as before
}

TEST_P(FaultTest, ALoopEndsWhileItsDiskHangs) {
    faulty.tell(0, "hang w");
    rig.scope->spawn(ask(*rig.disks[0], Io::Kind::write, {4, 1}, {}, fill('e')));
    rig.loop->run_until([] { return true; });
    faulty.wait_until_held(0, 1);
    rig.scope.reset();
    rig.disks.clear();
    rig.opened.clear();
    rig.loop.reset();
    faulty.tell(0, "release");
    wait_for_content(0, 4, block_of('e'));
}

// The disks themselves: each fault does what control.hpp says.
TEST_P(FaultTest, FaultsBefallTheNextWrite) {
    Disk& disk = *rig.disks[0];
    Answer torn;
    faulty.tell_path(0, 0, "tear 1 success");
    rig.write(disk, {8, 2}, fill('t'), torn);
    EXPECT_EQ(torn.error, 0);
    EXPECT_EQ(faulty.content(0, 8 * 512, 1024), block_of('t') + blank);

    Answer lost;
    faulty.tell_path(0, 0, "lose 1");
    rig.write(disk, {9, 1}, fill('l'), lost);
    EXPECT_TRUE(lost.wrote);
    EXPECT_EQ(faulty.content(0, 9 * 512, 512), blank);

    Answer misdirected;
    faulty.tell_path(0, 0, "misdirect 10240");
    rig.write(disk, {9, 1}, fill('m'), misdirected);
    EXPECT_EQ(faulty.content(0, 9 * 512, 512), blank);
    EXPECT_EQ(faulty.content(0, 20 * 512, 512), block_of('m'));

    Answer delayed;
    faulty.tell(0, "delay w 30000");
    rig.write(disk, {9, 1}, fill('d'), delayed);
    EXPECT_GE(delayed.nanoseconds, 30'000'000U);
    EXPECT_EQ(faulty.content(0, 9 * 512, 512), block_of('d'));
    faulty.tell(0, "clear");
}

TEST_P(FaultTest, ADroppedWriteFailsAndNeverHappens) {
    faulty.tell(0, "hang w");
    Answer dropped;
    rig.start(*rig.disks[0], Io::Kind::visit, {5, 1}, {0, 8}, fill('x'), dropped);
    rig.loop->run_until([] { return true; });
    faulty.wait_until_held(0, 1);
    faulty.tell(0, "drop");
    rig.loop->run_until(dropped.came);
    EXPECT_EQ(dropped.error, EIO);
    EXPECT_FALSE(dropped.wrote);
    EXPECT_EQ(faulty.content(0, 5 * 512, 512), blank);
}

}  // namespace
}  // namespace diskpaxos::io
