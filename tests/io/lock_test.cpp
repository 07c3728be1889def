// Slot locks, and the rule on which borrowing a slot rests: the lock of a killed process stays
// taken until its last write has landed (design, section 2).
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <thread>

#include "fault_disks.hpp"
#include "testbed.hpp"

namespace diskpaxos::io {
namespace {

using namespace std::chrono_literals;

constexpr std::uint32_t slot = 3;

std::unique_ptr<OpenDisk> open_disk(const std::string& path, Access access = Access::write) {
    auto disk = OpenDisk::open(path, access);
    EXPECT_TRUE(disk.has_value());
    return std::move(*disk);
}

TEST(SlotLockTest, OneUserPerSlot) {
    ScratchDirectory scratch;
    const std::string path = scratch.file("d", 65536);
    const auto ours = open_disk(path);
    const auto theirs = open_disk(path);

    EXPECT_FALSE(theirs->slot_locked_elsewhere(slot));
    EXPECT_FALSE(theirs->locked_elsewhere());
    EXPECT_EQ(ours->lock_slot(slot), LockAnswer::taken);
    EXPECT_EQ(ours->lock_slot(slot), LockAnswer::taken) << "taking it twice is taking it once";
    EXPECT_EQ(theirs->lock_slot(slot), LockAnswer::busy);
    EXPECT_TRUE(theirs->slot_locked_elsewhere(slot));
    EXPECT_FALSE(ours->slot_locked_elsewhere(slot)) << "our own lock is not elsewhere";
    EXPECT_TRUE(theirs->locked_elsewhere()) << "whichever slot it is";
    EXPECT_FALSE(ours->locked_elsewhere());
    EXPECT_EQ(theirs->lock_slot(slot + 1), LockAnswer::taken);

    EXPECT_EQ(theirs->lock_host(), LockAnswer::taken) << "the host's lock is none of the slots'";
    EXPECT_EQ(ours->lock_host(), LockAnswer::busy);
    theirs->unlock_host();
    EXPECT_EQ(ours->lock_host(), LockAnswer::taken);

    ours->unlock_slot(slot);
    EXPECT_EQ(theirs->lock_slot(slot), LockAnswer::taken);
}

TEST(SlotLockTest, AReadOnlyDiskGivesNoLocks) {
    ScratchDirectory scratch;
    const auto disk = open_disk(scratch.file("d", 65536), Access::read);
    EXPECT_EQ(disk->lock_slot(slot), LockAnswer::refused);
}

class LockOfTheDeadTest : public testing::TestWithParam<Backend> {};
INSTANTIATE_TEST_SUITE_P(, LockOfTheDeadTest, testing::ValuesIn(backends()), parameter_name);

// In a process of its own: takes the slot and writes a block of it, which the disk holds back.
[[noreturn]] void borrow_and_write(Backend backend, const std::string& path) {
    Rig rig(backend);
    Disk& disk = rig.add(path);
    if (rig.opened.front()->lock_slot(slot) != LockAnswer::taken) _exit(1);
    Answer never;
    rig.start(disk, Io::Kind::visit, {7, 1}, {0, 8}, std::byte{'g'}, never);
    rig.loop->run_until(never.came);
    _exit(2);
}

TEST_P(LockOfTheDeadTest, StaysTakenUntilTheWriteHasLanded) {
    FaultDisks faulty(1, 65536);
    if (!faulty.ready()) GTEST_SKIP() << faulty.problem();
    faulty.tell(0, "hang w");
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) borrow_and_write(GetParam(), faulty.path(0));

    faulty.wait_until_held(0, 1);
    ASSERT_EQ(kill(child, SIGKILL), 0);
    if (GetParam() == Backend::uring) {  // a thread inside pwrite dies only when that returns
        int status = 0;
        ASSERT_EQ(waitpid(child, &status, 0), child);
        ASSERT_TRUE(WIFSIGNALED(status));
    }
    const auto successor = open_disk(faulty.path(0));
    for (int i = 0; i < 20; ++i) {
        ASSERT_EQ(successor->lock_slot(slot), LockAnswer::busy) << "the write may still land";
        std::this_thread::sleep_for(10ms);
    }
    EXPECT_EQ(faulty.content(0, 7 * 512, 512), std::string(512, '\0'));

    faulty.tell(0, "release");
    LockAnswer answer = LockAnswer::busy;
    for (int i = 0; i < 1000 && answer == LockAnswer::busy; ++i) {
        answer = successor->lock_slot(slot);
        if (answer == LockAnswer::busy) std::this_thread::sleep_for(5ms);
    }
    ASSERT_EQ(answer, LockAnswer::taken);
    EXPECT_EQ(faulty.content(0, 7 * 512, 512), std::string(512, 'g')) << "and now it has landed";
    if (GetParam() == Backend::threads) waitpid(child, nullptr, 0);
}

}  // namespace
}  // namespace diskpaxos::io
