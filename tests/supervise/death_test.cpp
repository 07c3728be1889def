// Whoever dies or stands still: nothing of CMD outlives its deadline.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstring>
#include <fstream>
#include <thread>

#include "child.hpp"
#include "fault_disks.hpp"
#include "owner.hpp"

namespace diskpaxos {
namespace {

// One in the group, one out of the session by a double fork, one that ignores SIGTERM.
constexpr const char* family_script =
    "sh -c 'echo $$ > $D/in_group; exec sleep 100' &\n"
    "(setsid sh -c 'echo $$ > $D/daemon; exec sleep 100' &)\n"
    "(setsid sh -c 'trap \"\" TERM HUP INT; echo $$ > $D/deaf; while :; do sleep 1; done' &)\n"
    "trap '' TERM; echo $$ > $D/command; while :; do sleep 1; done";

struct Family {
    explicit Family(const Scratch& scratch)
        : members{Seen(scratch.wait_for_pid("command")), Seen(scratch.wait_for_pid("in_group")),
                  Seen(scratch.wait_for_pid("daemon")), Seen(scratch.wait_for_pid("deaf"))} {}
    std::array<Seen, 4> members;

    bool all_live() const {
        for (const Seen& member : members) {
            if (!member.lives()) return false;
        }
        return true;
    }
    // When the last of them ended, as far as we see it.
    Instant end() const {
        for (const Seen& member : members) EXPECT_TRUE(member.ends_within(10s));
        return io::boot_time();
    }
};

struct Notes {
    std::atomic<std::int64_t> kill_at = 0;
    std::atomic<int> why = -1;
    std::atomic<int> guard = 0;

    Instant kill_time() const { return Instant(Duration(kill_at.load())); }
};

pid_t guard_of(pid_t owner) {
    pid_t guard = 0;
    std::ifstream(fmt::format("/proc/{}/task/{}/children", owner, owner)) >> guard;
    return guard;
}

Task<void> renew(Owner& owner, Notes& notes, Duration ttl) {
    while (!owner.command->gone().is_set()) {
        const Deadline deadline = owner.from_now(ttl, ttl + 50ms);
        owner.command->extend(deadline);
        notes.kill_at = deadline.kill_at.time_since_epoch().count();
        co_await owner.loop->sleep(ttl / 6);
    }
}

// As `run` does: starts the family and renews for it, until everything is gone.
void own(const Scratch& scratch, Notes& notes, Duration ttl) {
    Owner owner;
    notes.guard = guard_of(getpid());
    owner.start(script(scratch, family_script), owner.from_now(ttl, ttl + 50ms));
    Scope scope(owner.loop->queue());
    scope.spawn(renew(owner, notes, ttl));
    owner.loop->run_until(owner.command->gone());
    notes.why = static_cast<int>(owner.command->outcome().why);
}

class DeathTest : public testing::Test {
  protected:
    Realtime realtime;  // who measures a reaction must not be late himself
    Scratch scratch;
    Shared<Notes> notes;
};

TEST_F(DeathTest, OfTheOwnerIsTheDeathOfAll) {
    Child owner([this] { own(scratch, *notes, 600ms); });
    const Family family(scratch);
    const Seen guard(notes->guard);
    EXPECT_TRUE(family.all_live());
    const Instant killed = io::boot_time();
    owner.kill();
    EXPECT_TRUE(family.members[1].ends_within(reaction));  // it heeds SIGTERM, as the daemon does
    EXPECT_TRUE(family.members[2].ends_within(reaction));
    report_reaction("SIGKILL of run, what heeds SIGTERM is gone", io::boot_time() - killed);
    const Instant end = family.end();
    EXPECT_GT(end, notes->kill_time() - 60ms);
    EXPECT_LT(end, notes->kill_time() + reaction);
    EXPECT_TRUE(guard.ends_within(1s));
    report_reaction("SIGKILL of run, all of CMD gone after kill_at", end - notes->kill_time());
}

// It may put its house in order, as long as the lease lasts: others wait for that anyway.
TEST_F(DeathTest, OfTheOwnerLeavesTimeToEnd) {
    Child owner([this] {
        Owner self;
        notes->guard = guard_of(getpid());
        self.start(script(scratch,
                          "trap 'sleep 0.2; echo tidy > $D/tidy; exit' TERM\n"
                          "echo $$ > $D/command; while :; do sleep 0.01; done"),
                   self.from_now(20s, 21s));
        self.loop->run_until(self.command->gone());
    });
    const Seen command(scratch.wait_for_pid("command"));
    const Seen guard(notes->guard);
    owner.kill();
    EXPECT_EQ(scratch.wait_for("tidy"), "tidy");
    EXPECT_TRUE(command.ends_within(2s));
    EXPECT_TRUE(guard.ends_within(1s));
}

TEST_F(DeathTest, AStoppedOwnerDoesNotProlongAnything) {
    Child owner([this] { own(scratch, *notes, 600ms); });
    const Family family(scratch);
    const Seen guard(notes->guard);
    kill(owner.pid(), SIGSTOP);
    const Instant end = family.end();
    EXPECT_LT(end, notes->kill_time() + reaction);
    EXPECT_GT(end, notes->kill_time() - 60ms);
    report_reaction("SIGSTOP of run, all of CMD gone after kill_at", end - notes->kill_time());
    kill(owner.pid(), SIGCONT);  // and it learns what has happened
    owner.wait();
    EXPECT_EQ(notes->why, static_cast<int>(Outcome::Why::deadline));
    EXPECT_TRUE(guard.ends_within(1s));
}

TEST_F(DeathTest, StoppingTheGroupOfTheOwnerDoesNotStopTheGuard) {
    Child owner([this] {
        setpgid(0, 0);
        own(scratch, *notes, 600ms);
    });
    const Family family(scratch);
    kill(-owner.pid(), SIGSTOP);
    EXPECT_LT(family.end(), notes->kill_time() + reaction);
}

TEST_F(DeathTest, OfAStoppedOwnerIsSeen) {
    Child owner([this] { own(scratch, *notes, 600ms); });
    const Family family(scratch);
    kill(owner.pid(), SIGSTOP);
    owner.kill();
    EXPECT_TRUE(family.members[1].ends_within(reaction));
    EXPECT_LT(family.end(), notes->kill_time() + reaction);
}

TEST_F(DeathTest, OfTheGuardIsTheDeathOfAllAndTold) {
    Child owner([this] { own(scratch, *notes, 5s); });
    const Family family(scratch);
    const Instant killed = io::boot_time();
    kill(notes->guard, SIGKILL);
    const Duration took = family.end() - killed;
    EXPECT_LT(took, reaction);
    owner.wait();
    EXPECT_EQ(notes->why, static_cast<int>(Outcome::Why::guard_killed));
    report_reaction("SIGKILL of the guard, all of CMD gone", took);
}

Task<void> stop_renewing(Owner& owner, Notes& notes, Duration ttl) {
    const Deadline deadline = owner.from_now(ttl, ttl + 50ms);
    owner.command->extend(deadline);
    notes.kill_at = deadline.kill_at.time_since_epoch().count();
    co_return;
}

TEST_F(DeathTest, AStoppedGuardIsOverruled) {
    Child owner([this] {
        Owner self;
        notes->guard = guard_of(getpid());
        self.start(script(scratch, family_script), self.from_now(500ms, 550ms));
        Scope scope(self.loop->queue());
        scope.spawn(stop_renewing(self, *notes, 500ms));
        self.loop->run_until(self.command->gone());
        notes->why = static_cast<int>(self.command->outcome().why);
    });
    const Family family(scratch);
    kill(notes->guard, SIGSTOP);
    const Instant end = family.end();
    EXPECT_GT(end, notes->kill_time());
    EXPECT_LT(end, notes->kill_time() + 50ms + reaction);
    owner.wait();
    EXPECT_EQ(notes->why, static_cast<int>(Outcome::Why::deadline));
    report_reaction("SIGSTOP of the guard, all of CMD gone after kill_at",
                    end - notes->kill_time());
}

struct Silence {
    std::atomic<int> guard = 0;
    std::atomic<bool> noticed = false;
    std::atomic<int> why = -1;
    std::atomic<int> code = -1;
};

Task<void> notice(Command& command, Silence& seen) {
    co_await command.silent().wait();
    seen.noticed = true;
}

// An owner that renews for ever, for a command that ends as `text` says.
void own_with(const Scratch& scratch, Silence& seen, const std::string& text) {
    Owner self;
    seen.guard = guard_of(getpid());
    Notes ignored;
    self.start(script(scratch, text), self.from_now(5s, 6s));
    Scope scope(self.loop->queue());
    scope.spawn(renew(self, ignored, 5s));
    scope.spawn(notice(*self.command, seen));
    self.loop->run_until(self.command->gone());
    self.command->silent().set();
    seen.why = static_cast<int>(self.command->outcome().why);
    seen.code = self.command->outcome().code;
}

// CMD has ended, and the guard that would tell of it is stopped: the lock must not be held for ever.
TEST_F(DeathTest, AGuardThatWasStoppedGoesOn) {
    Shared<Silence> seen;
    Child owner([&] {
        own_with(scratch, *seen, "echo $$ > $D/command; while [ ! -e $D/end ]; do sleep 0.01; done;"
                                 " exit 7");
    });
    scratch.wait_for_pid("command");
    kill(seen->guard, SIGSTOP);
    std::ofstream(scratch.file("end")) << "now\n";
    EXPECT_EQ(owner.wait(), 0);
    EXPECT_TRUE(seen->noticed);
    EXPECT_EQ(seen->why, static_cast<int>(Outcome::Why::exited));
    EXPECT_EQ(seen->code, 7);
}

// Stopped before it could begin, it would leave the lock held for a CMD that never runs.
TEST_F(DeathTest, AGuardThatWasStoppedBeforeStartsItAfterAll) {
    Shared<Silence> seen;
    Child owner([&] {
        Owner self;
        kill(guard_of(getpid()), SIGSTOP);
        self.start({"sh", "-c", "exit 7"}, self.from_now(20s, 21s));
        Scope scope(self.loop->queue());
        scope.spawn(notice(*self.command, *seen));
        self.loop->run_until(self.command->gone());
        self.command->silent().set();
        seen->code = self.command->outcome().code;
    });
    EXPECT_EQ(owner.wait(), 0);
    EXPECT_TRUE(seen->noticed);
    EXPECT_EQ(seen->code, 7);
}

// As one that is traced, or frozen by its control group: it cannot be told to go on.
TEST_F(DeathTest, AGuardThatStaysSilentIsEndedAndCmdsOwnEndIsKept) {
    Shared<Silence> seen;
    Child owner([&] {
        own_with(scratch, *seen, "(setsid sh -c 'echo $$ > $D/daemon; exec sleep 100' &)\n"
                                 "echo $$ > $D/command; while [ ! -e $D/end ]; do sleep 0.01; done;"
                                 " exit 7");
    });
    scratch.wait_for_pid("command");
    const Seen daemon(scratch.wait_for_pid("daemon"));
    ASSERT_EQ(ptrace(PTRACE_SEIZE, seen->guard.load(), nullptr, nullptr), 0) << strerror(errno);
    ASSERT_EQ(ptrace(PTRACE_INTERRUPT, seen->guard.load(), nullptr, nullptr), 0);
    waitpid(seen->guard, nullptr, __WALL);
    std::ofstream(scratch.file("end")) << "now\n";
    EXPECT_TRUE(daemon.lives());
    EXPECT_TRUE(daemon.ends_within(20s));
    waitpid(seen->guard, nullptr, __WALL);  // the tracer is told first of its death
    EXPECT_EQ(owner.wait(), 0);
    EXPECT_TRUE(seen->noticed);
    EXPECT_EQ(seen->why, static_cast<int>(Outcome::Why::exited));
    EXPECT_EQ(seen->code, 7);
}

// The pidfd of a killed process says nothing as long as one of its threads hangs in the kernel.
TEST_F(DeathTest, OfAnOwnerThatHangsInTheKernelIsSeen) {
    FaultDisks disks(1, 1 << 20);
    if (!disks.ready()) GTEST_SKIP() << disks.problem();
    disks.tell(0, "hang r");
    Child owner([&] {
        Owner self;
        self.start(script(scratch, family_script), self.from_now(4s, 4s));
        std::thread reader([&disks] {
            const int fd = open(disks.path(0).c_str(), O_RDONLY | O_CLOEXEC);
            std::array<char, 512> block;
            [[maybe_unused]] const ssize_t got = read(fd, block.data(), block.size());
        });
        self.loop->run_until(self.command->gone());
        reader.join();
    });
    const Family family(scratch);
    disks.wait_until_held(0, 1);
    const Seen seen(owner.pid());
    const Instant killed = io::boot_time();
    kill(owner.pid(), SIGKILL);
    EXPECT_TRUE(family.members[1].ends_within(reaction));
    report_reaction("SIGKILL of run with a thread hung on a disk, CMD asked to end",
                    io::boot_time() - killed);
    family.end();
    EXPECT_TRUE(seen.lives());  // else this test has shown nothing
    disks.tell(0, "release");
    owner.kill();
}

// The test program itself is what the will runs; that its report is there proves that it ran.
TEST_F(DeathTest, OfTheOwnerIsFollowedByItsWillOnceAllAreGone) {
    const std::string report = scratch.file("report");
    Child owner([&] {
        Owner self;
        self.command->bequeath(
            {"heir", "--gtest_filter=NoSuch.Test", "--gtest_output=json:" + report});
        self.start(script(scratch, family_script), self.from_now(2s, 2s));
        self.loop->run_until(self.command->gone());
    });
    const Family family(scratch);
    EXPECT_FALSE(std::filesystem::exists(report));
    owner.kill();
    family.end();
    EXPECT_EQ(scratch.wait_for("report"), "{");
}

TEST_F(DeathTest, AnOwnerThatLivesHasNoHeir) {
    const std::string report = scratch.file("report");
    Owner self;
    const Seen guard(guard_of(getpid()));
    self.command->bequeath({"heir", "--gtest_filter=NoSuch.Test", "--gtest_output=json:" + report});
    EXPECT_EQ(self.run({"true"}).code, 0);
    EXPECT_TRUE(guard.ends_within(1s));
    EXPECT_FALSE(std::filesystem::exists(report));
}

TEST_F(DeathTest, ABombIsDefused) {
    Child owner([this] {
        Owner self;
        self.start(script(scratch,
                          "f() { (setsid sh -c 'sleep 0.02; exec sleep 100' &); }\n"
                          "echo $$ > $D/command\n"
                          "trap '' TERM; while :; do f; done"),
                   self.from_now(400ms, 400ms));
        self.loop->run_until(self.command->gone());
        notes->why = static_cast<int>(self.command->outcome().why);
    });
    const Seen command(scratch.wait_for_pid("command"));
    EXPECT_TRUE(command.ends_within(5s));
    EXPECT_EQ(owner.wait(), 0);  // nothing of it is left, or it would still wait
    EXPECT_EQ(notes->why, static_cast<int>(Outcome::Why::deadline));
}

TEST_F(DeathTest, DroppingTheCommandKillsIt) {
    auto owner = std::make_unique<Owner>();
    owner->start(script(scratch, family_script));
    const Family family(scratch);
    owner.reset();
    EXPECT_FALSE(family.members[0].lives());
    EXPECT_LT(family.end() - io::boot_time(), reaction);
}

TEST_F(DeathTest, AGuardWithoutACommandLeavesWithItsOwner) {
    Child owner([this] {
        const Owner self;
        notes->guard = guard_of(getpid());
        std::ofstream(scratch.file("ready")) << "ready\n";
        pause();
    });
    scratch.wait_for("ready");
    const Seen guard(notes->guard);
    EXPECT_TRUE(guard.lives());
    owner.kill();
    EXPECT_TRUE(guard.ends_within(1s));
}

}  // namespace
}  // namespace diskpaxos
