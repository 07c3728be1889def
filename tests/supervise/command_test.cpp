// What CMD gets, and what becomes of it: exit codes, signals, environment, descriptors, deadlines.
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <set>
#include <sstream>

#include "owner.hpp"

namespace diskpaxos {
namespace {

using Why = Outcome::Why;

std::string content_of(const std::string& path) {
    std::ifstream file(path);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

TEST(CommandTest, TheCodeIsThatOfTheCommandAnd128PlusItsSignal) {
    struct Case {
        const char* script;
        Why why;
        int code;
    };
    for (const Case& row :
         {Case{"exit 0", Why::exited, 0}, Case{"exit 7", Why::exited, 7},
          Case{"exit 255", Why::exited, 255}, Case{"kill -TERM $$", Why::signalled, 128 + SIGTERM},
          Case{"kill -KILL $$", Why::signalled, 128 + SIGKILL},
          Case{"kill -SEGV $$", Why::signalled, 128 + SIGSEGV}}) {
        Owner owner;
        const Outcome outcome = owner.run({"sh", "-c", row.script});
        EXPECT_EQ(outcome.why, row.why) << row.script;
        EXPECT_EQ(outcome.code, row.code) << row.script;
        EXPECT_EQ(outcome.sentence, "") << row.script;
        EXPECT_TRUE(owner.command->ended().is_set());
    }
}

TEST(CommandTest, WhatCannotRunIsToldApartAsByEnv) {
    const Scratch scratch;
    const std::string path = std::getenv("PATH");
    setenv("PATH", "/usr/bin:/bin", 1);  // a folder in it that we may not search would be 126
    std::ofstream(scratch.file("plain")) << "no program\n";
    std::ofstream(scratch.file("lost")) << "#!/nonexistent/interpreter\n";
    chmod(scratch.file("lost").c_str(), 0700);
    struct Case {
        std::string word;
        Why why;
        int code;
        std::string in_sentence;
    };
    for (const Case& row : {Case{"no-such-command", Why::not_found, 127, "in PATH"},
                            Case{"/no/such/file", Why::not_found, 127, "No such file"},
                            Case{scratch.file("lost"), Why::not_found, 127, "lost"},
                            Case{scratch.file("plain"), Why::not_executable, 126, "Permission"},
                            Case{"/tmp", Why::not_executable, 126, "Permission"}}) {
        Owner owner;
        const Outcome outcome = owner.run({row.word, "argument"});
        EXPECT_EQ(outcome.why, row.why) << row.word;
        EXPECT_EQ(outcome.code, row.code) << row.word;
        EXPECT_NE(outcome.sentence.find(row.in_sentence), std::string::npos) << outcome.sentence;
        EXPECT_EQ(owner.command->pid(), 0);
    }
    setenv("PATH", path.c_str(), 1);
}

TEST(CommandTest, BothBackendsDriveIt) {
    for (const io::Backend backend : {io::Backend::uring, io::Backend::threads}) {
        if (!io::make_loop(backend)) continue;
        Owner owner(backend);
        EXPECT_EQ(owner.run({"sh", "-c", "exit 3"}).code, 3);
    }
}

TEST(CommandTest, ItGetsOurEnvironmentAndMore) {
    const Scratch scratch;
    setenv("DISKPAXOS_TEST_KEPT", "kept", 1);
    setenv("DISKPAXOS_TOKEN", "stale", 1);
    Owner owner;
    const std::string many(300'000, 'x');  // more than a socket holds at once
    owner.start(script(scratch, "echo $DISKPAXOS_TOKEN/$DISKPAXOS_TEST_KEPT/${#MANY}/$# > $D/out"),
                owner.from_now(10s, 11s),
                {"DISKPAXOS_TOKEN=41", "MANY=" + many.substr(0, 100'000),
                 "B=" + many.substr(0, 99'999), "C=" + many.substr(0, 99'999)});
    EXPECT_EQ(owner.finish().code, 0);
    EXPECT_EQ(content_of(scratch.file("out")), "41/kept/100000/0\n");
    unsetenv("DISKPAXOS_TEST_KEPT");
    unsetenv("DISKPAXOS_TOKEN");
}

TEST(CommandTest, WordsArriveAsTheyAre) {
    const Scratch scratch;
    Words words = script(scratch, "printf '<%s>' \"$@\" > $D/out");
    for (const char* word : {"zero", "", "two words", "$HOME", "--"}) words.emplace_back(word);
    Owner owner;
    EXPECT_EQ(owner.run(words).code, 0);
    EXPECT_EQ(content_of(scratch.file("out")), "<><two words><$HOME><-->");
}

TEST(CommandTest, StandardInputIsItsOwn) {
    const Scratch scratch;
    std::array<int, 2> pipe{};
    ASSERT_EQ(pipe2(pipe.data(), O_CLOEXEC), 0);
    const int before = fcntl(0, F_DUPFD_CLOEXEC, 3);
    dup2(pipe[0], 0);
    Owner owner;
    owner.start(script(scratch, "cat > $D/out"));
    EXPECT_EQ(write(pipe[1], "through\n", 8), 8);
    close(pipe[1]);
    EXPECT_EQ(owner.finish().code, 0);
    EXPECT_EQ(content_of(scratch.file("out")), "through\n");
    if (before >= 0) dup2(before, 0);
    close(before);
    close(pipe[0]);
}

std::set<std::string> inherited_descriptors() {
    std::set<std::string> numbers;
    for (int fd = 0; fd < 1024; ++fd) {
        const int flags = fcntl(fd, F_GETFD);
        if (flags >= 0 && (flags & FD_CLOEXEC) == 0) numbers.insert(std::to_string(fd));
    }
    return numbers;
}

TEST(CommandTest, NoDescriptorLeaksAndThoseGivenToUsPass) {
    const Scratch scratch;
    const int given = fcntl(2, F_DUPFD, 50);  // as by "run … 50>&2"
    std::set<std::string> expected = inherited_descriptors();
    ASSERT_TRUE(expected.contains("50"));
    int own = 0;  // of ls: the folder that it reads
    while (expected.contains(std::to_string(own))) ++own;
    expected.insert(std::to_string(own));
    Owner owner;
    EXPECT_EQ(owner.run(script(scratch, "exec ls /proc/self/fd > $D/out")).code, 0);
    std::set<std::string> seen;
    std::ifstream out(scratch.file("out"));
    for (std::string number; out >> number;) seen.insert(number);
    EXPECT_EQ(seen, expected);
    close(given);
}

TEST(CommandTest, SignalsAreAsWeWereGivenThem) {
    const Scratch scratch;
    const auto before = std::signal(SIGHUP, SIG_IGN);  // as under nohup
    Owner owner;
    std::signal(SIGHUP, before);
    Event arrived;
    owner.loop->watch_signals({SIGINT, SIGTERM}, arrived);  // which blocks them for us, not for CMD
    EXPECT_EQ(owner.run(script(scratch, "grep -E 'SigBlk|SigIgn' /proc/self/status > $D/out")).code,
              0);
    EXPECT_EQ(content_of(scratch.file("out")),
              "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000001\n");
}

TEST(CommandTest, SignalsGoToTheWholeGroup) {
    const Scratch scratch;
    Owner owner;
    owner.start(script(scratch,
                       "trap 'exit 5' USR1\n"
                       "sh -c 'trap \"echo hit > $D/hit; exit\" USR1; echo > $D/ready;"
                       "       while :; do sleep 0.01; done' &\n"
                       "wait; wait"));
    scratch.wait_for("ready");
    owner.command->signal(SIGUSR1);
    EXPECT_EQ(owner.finish().code, 5);
    EXPECT_EQ(content_of(scratch.file("hit")), "hit\n");
}

TEST(CommandTest, AStoppedCommandHearsSigterm) {
    const Scratch scratch;
    Owner owner;
    owner.start(script(scratch, "trap 'exit 9' TERM; echo > $D/ready; kill -STOP $$; sleep 100"));
    scratch.wait_for("ready");
    owner.command->signal(SIGTERM);
    const Outcome outcome = owner.finish();
    EXPECT_TRUE(outcome.code == 9 || outcome.code == 128 + SIGTERM) << outcome.code;
}

TEST(CommandTest, TheDeadlineTerminatesAndThenKills) {
    const Scratch scratch;
    Owner owner;
    owner.start(script(scratch,
                       "trap 'echo asked > $D/asked' TERM; echo > $D/ready\n"
                       "while :; do sleep 0.01; done"));
    scratch.wait_for("ready");
    const Instant start = owner.loop->now();
    owner.command->extend({start + 100ms, start + 400ms});
    const Outcome outcome = owner.finish();
    const Duration took = owner.loop->now() - start;
    EXPECT_EQ(outcome.why, Why::deadline);
    EXPECT_EQ(outcome.code, 128 + SIGKILL);
    EXPECT_EQ(content_of(scratch.file("asked")), "asked\n");
    EXPECT_GE(took, 400ms);
    EXPECT_LT(took, 400ms + reaction);
    report_reaction("deadline, SIGTERM ignored, all gone after kill_at", took - 400ms);
}

TEST(CommandTest, WhoHeedsSigtermEndsBeforeItIsKilled) {
    Owner owner;
    const Instant start = owner.loop->now();
    owner.start({"sleep", "100"}, owner.from_now(100ms, 5s));
    const Outcome outcome = owner.finish();
    EXPECT_EQ(outcome.why, Why::deadline);
    EXPECT_EQ(outcome.code, 128 + SIGTERM);
    EXPECT_LT(owner.loop->now() - start, 100ms + reaction);
}

TEST(CommandTest, AnExtensionKeepsItAlive) {
    Owner owner;
    const Instant start = owner.loop->now();
    owner.start({"sleep", "0.5"}, owner.from_now(150ms, 200ms));
    Scope scope(owner.loop->queue());
    struct Renew {
        static Task<void> often(Owner& owner) {
            while (!owner.command->gone().is_set()) {
                owner.command->extend(owner.from_now(150ms, 200ms));
                co_await owner.loop->sleep(20ms);
            }
        }
    };
    scope.spawn(Renew::often(owner));
    const Outcome outcome = owner.finish();
    EXPECT_EQ(outcome.why, Why::exited);
    EXPECT_EQ(outcome.code, 0);
    EXPECT_GE(owner.loop->now() - start, 500ms);
}

TEST(CommandTest, ADeadlineMovedBackIsObeyedAtOnce) {
    Owner owner;
    owner.start({"sleep", "100"}, owner.from_now(50s, 60s));
    owner.loop->run_until([&] { return owner.command->pid() != 0; });
    const Instant asked = owner.loop->now();
    owner.command->extend({asked, asked});
    EXPECT_EQ(owner.finish().why, Why::deadline);
    EXPECT_LT(owner.loop->now() - asked, reaction);
}

TEST(CommandTest, WhatItLeavesBehindKeepsTheLock) {
    const Scratch scratch;
    Owner owner;
    owner.start(script(scratch, "(setsid sh -c 'echo $$ > $D/daemon; exec sleep 0.3' &) ; exit 4"));
    const Seen daemon(scratch.wait_for_pid("daemon"));
    owner.drive_until(owner.command->ended());
    EXPECT_EQ(owner.command->outcome().code, 4);
    EXPECT_TRUE(daemon.lives());
    EXPECT_FALSE(owner.command->gone().is_set());
    EXPECT_EQ(owner.finish().why, Why::exited);
    EXPECT_FALSE(daemon.lives());
    EXPECT_EQ(owner.command->outcome().code, 4);
}

TEST(CommandTest, SignalsReachWhatItLeftBehind) {
    const Scratch scratch;
    Owner owner;
    owner.start(script(scratch, "(setsid sh -c 'echo $$ > $D/daemon; exec sleep 100' &) ; exit 4"));
    const Seen daemon(scratch.wait_for_pid("daemon"));
    owner.drive_until(owner.command->ended());
    owner.command->signal(SIGTERM);
    EXPECT_EQ(owner.finish().code, 4);
    EXPECT_FALSE(daemon.lives());
}

TEST(CommandTest, TheDeadlineOfWhatItLeftBehindIsToldAsOne) {
    const Scratch scratch;
    Owner owner;
    owner.start(
        script(scratch, "(setsid sh -c 'trap \"\" TERM; echo $$ > $D/daemon; sleep 100' &)"));
    const Seen daemon(scratch.wait_for_pid("daemon"));
    owner.drive_until(owner.command->ended());
    owner.command->extend(owner.from_now(50ms, 100ms));
    EXPECT_EQ(owner.command->outcome().why, Why::exited);
    EXPECT_EQ(owner.finish().why, Why::deadline);
    EXPECT_FALSE(daemon.lives());
}

}  // namespace
}  // namespace diskpaxos
