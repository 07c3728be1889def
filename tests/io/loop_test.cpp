// Time, signals, chance, and which backend one gets.
#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <set>
#include <thread>

#include "io/os_random.hpp"
#include "testbed.hpp"

namespace diskpaxos::io {
namespace {

using namespace std::chrono_literals;

class LoopTest : public EachBackend {};
INSTANTIATE_TEST_SUITE_P(, LoopTest, testing::ValuesIn(backends()), parameter_name);

Task<void> sleep_and_note(Loop& loop, Duration duration, std::vector<Duration>& woken) {
    const Instant start = loop.now();
    co_await loop.sleep(duration);
    woken.push_back(loop.now() - start);
}

TEST_P(LoopTest, SleepersWakeInOrderAndNotBeforeTheirTime) {
    Rig rig(GetParam());
    std::vector<Duration> woken;
    rig.scope->spawn(sleep_and_note(*rig.loop, 30ms, woken));
    rig.scope->spawn(sleep_and_note(*rig.loop, 10ms, woken));
    rig.loop->run_until(rig.scope->idle());
    ASSERT_EQ(woken.size(), 2U);
    EXPECT_GE(woken[0], 10ms);
    EXPECT_LT(woken[0], woken[1]);
    EXPECT_GE(woken[1], 30ms);
}

TEST_P(LoopTest, ASleepingLoopMakesFewSystemCalls) {
    Rig rig(GetParam());
    std::vector<Duration> woken;
    rig.scope->spawn(sleep_and_note(*rig.loop, 50ms, woken));
    rig.loop->run_until(rig.scope->idle());
    EXPECT_LE(rig.loop->counts().waits, 5U);
    EXPECT_EQ(rig.loop->counts().submissions, 0U);
}

TEST_P(LoopTest, ASignalSetsItsEventWhileTheLoopWaits) {
    Rig rig(GetParam());
    Event interrupted;
    rig.loop->watch_signals({SIGUSR1}, interrupted);
    for (int round = 0; round < 3; ++round) {
        std::thread sender([] {
            std::this_thread::sleep_for(20ms);
            kill(getpid(), SIGUSR1);
        });
        rig.loop->run_until(interrupted);
        sender.join();
        EXPECT_EQ(rig.loop->signal(), SIGUSR1);
        interrupted.reset();
    }
}

TEST_P(LoopTest, AWatchedDescriptorSetsItsEventUntilItIsReadDry) {
    Rig rig(GetParam());
    std::array<int, 2> pipe{};
    ASSERT_EQ(pipe2(pipe.data(), O_CLOEXEC | O_NONBLOCK), 0);
    Event readable;
    rig.loop->watch_fd(pipe[0], readable);
    for (int round = 0; round < 3; ++round) {
        std::thread writer([&pipe] {
            std::this_thread::sleep_for(5ms);
            EXPECT_EQ(write(pipe[1], "xy", 2), 2);
        });
        rig.loop->run_until(readable);
        writer.join();
        char byte = 0;
        EXPECT_EQ(read(pipe[0], &byte, 1), 1);
        readable.reset();
        rig.loop->run_until(readable);  // one byte is left
        EXPECT_EQ(read(pipe[0], &byte, 1), 1);
        readable.reset();
    }
    close(pipe[1]);
    rig.loop->run_until(readable);  // the other end has gone
    rig.loop->forget_fd(pipe[0]);
    close(pipe[0]);
}

TEST_P(LoopTest, AForgottenDescriptorIsReallyLetGo) {
    Rig rig(GetParam());
    std::array<int, 2> pipe{};
    ASSERT_EQ(pipe2(pipe.data(), O_CLOEXEC | O_NONBLOCK), 0);
    Event readable;
    rig.loop->watch_fd(pipe[0], readable);
    std::vector<Duration> woken;
    rig.scope->spawn(sleep_and_note(*rig.loop, 1ms, woken));
    rig.loop->run_until(rig.scope->idle());  // now it is being watched
    rig.loop->forget_fd(pipe[0]);
    close(pipe[0]);
    const auto before = signal(SIGPIPE, SIG_IGN);
    EXPECT_EQ(write(pipe[1], "x", 1), -1);  // nobody holds the other end open
    EXPECT_EQ(errno, EPIPE);
    signal(SIGPIPE, before);
    close(pipe[1]);
    EXPECT_FALSE(readable.is_set());
}

TEST(OsRandomTest, StaysBelowAndVaries) {
    OsRandom random;
    std::set<std::uint64_t> drawn;
    for (int i = 0; i < 1000; ++i) {
        EXPECT_LT(random.below(7), 7U);
        drawn.insert(random.bits(48));
    }
    EXPECT_EQ(drawn.size(), 1000U);
}

TEST(BackendTest, TheVariableForcesOne) {
    setenv("DISKPAXOS_IO", "threads", 1);
    EXPECT_STREQ(make_loop()->loop->backend(), "threads");
    setenv("DISKPAXOS_IO", "neither", 1);
    const auto refused = make_loop();
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().code, Code::usage);
    unsetenv("DISKPAXOS_IO");
    const auto made = make_loop();
    ASSERT_TRUE(made.has_value());
    EXPECT_EQ(made->remark.empty(), std::string_view(made->loop->backend()) == "io_uring");
}

TEST(BackendTest, ARefusalNamesItsLikelyCause) {
    EXPECT_NE(why_refused(ENOSYS).find("kernel"), std::string::npos);
    EXPECT_NE(why_refused(EPERM).find("seccomp"), std::string::npos);
    EXPECT_NE(why_refused(ENOMEM).find("ulimit -l"), std::string::npos);
}

}  // namespace
}  // namespace diskpaxos::io
