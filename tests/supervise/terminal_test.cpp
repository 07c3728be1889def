// A pseudo-terminal with a person at it.
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <functional>

#include "base/check.hpp"
#include "owner.hpp"

namespace diskpaxos {
namespace {

// A session on a terminal of its own, led by a process that runs `body`.
class Session {
  public:
    explicit Session(const std::function<int()>& body) {
        leader_ = forkpty(&keyboard_, nullptr, nullptr, nullptr);
        CHECK(leader_ >= 0);
        if (leader_ == 0) _exit(body());
    }
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;
    ~Session() {
        if (leader_ > 0) {
            kill(leader_, SIGKILL);
            waitpid(leader_, nullptr, 0);
        }
        close(keyboard_);
    }

    void type(const std::string& keys) const {
        EXPECT_EQ(write(keyboard_, keys.data(), keys.size()), static_cast<ssize_t>(keys.size()));
    }
    // Everything that has come on the screen, once it shows `text`.
    bool shows(const std::string& text) {
        const Instant latest = io::boot_time() + 10s;
        while (screen_.find(text) == std::string::npos && io::boot_time() < latest) {
            pollfd news{keyboard_, POLLIN, 0};
            if (poll(&news, 1, 100) != 1) continue;
            std::array<char, 4096> part;
            const ssize_t got = read(keyboard_, part.data(), part.size());
            if (got <= 0) break;
            screen_.append(part.data(), static_cast<std::size_t>(got));
        }
        return screen_.find(text) != std::string::npos;
    }
    int code() {
        int status = 0;
        waitpid(leader_, &status, 0);
        leader_ = -1;
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }
    const std::string& screen() const { return screen_; }

  private:
    pid_t leader_ = -1;
    int keyboard_ = -1;
    std::string screen_;
};

constexpr int terminal_not_returned = 99;

int run_in_foreground(const Words& words) {
    Owner owner;
    const Outcome outcome = owner.run(words);
    return tcgetpgrp(0) == getpgrp() ? outcome.code : terminal_not_returned;
}

TEST(TerminalTest, TheCommandReadsFromIt) {
    Session session([] {
        return run_in_foreground({"sh", "-c", "echo ask; read line; echo \"<$line>\"; exit 3"});
    });
    EXPECT_TRUE(session.shows("ask"));
    session.type("hello\n");
    EXPECT_TRUE(session.shows("<hello>")) << session.screen();
    EXPECT_EQ(session.code(), 3);
}

TEST(TerminalTest, CtrlCIsForTheCommandAlone) {
    Session session([] {
        return run_in_foreground({"sh", "-c",
                                  "trap 'echo caught; exit 42' INT; echo up;"
                                  "while :; do sleep 0.01; done"});
    });
    EXPECT_TRUE(session.shows("up"));
    session.type("\x03");
    EXPECT_TRUE(session.shows("caught")) << session.screen();
    EXPECT_EQ(session.code(), 42);
}

TEST(TerminalTest, CtrlCEndsWhatDoesNotCatchIt) {
    Session session([] { return run_in_foreground({"sh", "-c", "echo up; exec sleep 100"}); });
    EXPECT_TRUE(session.shows("up"));
    session.type("\x03");
    EXPECT_EQ(session.code(), 128 + SIGINT);
}

TEST(TerminalTest, CtrlZDoesNotSuspendIt) {
    Session session([] {
        Owner owner;
        owner.start({"sh", "-c", "echo up; read line; echo \"<$line>\""});
        owner.drive_until(owner.command->resumed());
        const Outcome outcome = owner.finish();
        return owner.command->resumed().is_set() ? outcome.code : 98;
    });
    EXPECT_TRUE(session.shows("up"));
    session.type("\x1a");
    EXPECT_TRUE(session.shows("^Z"));
    session.type("on\n");
    EXPECT_TRUE(session.shows("<on>")) << session.screen();
    EXPECT_EQ(session.code(), 0);
}

TEST(TerminalTest, WordsOfOursDoNotStopUsWhileItHasTheTerminal) {
    Session session([] {
        Owner owner;
        owner.start({"sh", "-c", "stty tostop; echo up; read line"});
        owner.drive_for(200ms);
        [[maybe_unused]] const ssize_t written = write(2, "ours\n", 5);
        return owner.finish().code;
    });
    EXPECT_TRUE(session.shows("ours")) << session.screen();
    session.type("\n");
    EXPECT_EQ(session.code(), 0);
}

// `run … &`, and later `fg`.
TEST(TerminalTest, InTheBackgroundItWaitsForItsTurn) {
    Session session([] {
        std::signal(SIGTTOU, SIG_IGN);
        const pid_t job = fork();
        if (job == 0) {
            setpgid(0, 0);
            std::signal(SIGTTOU, SIG_DFL);
            _exit(run_in_foreground({"sh", "-c", "echo up; read line; echo \"<$line>\"; exit 3"}));
        }
        setpgid(job, job);
        std::array<char, 16> line;
        CHECK(read(0, line.data(), line.size()) == 3);  // a shell has the terminal meanwhile
        tcsetpgrp(0, job);
        kill(-job, SIGCONT);
        int status = 0;
        waitpid(job, &status, 0);
        return WEXITSTATUS(status);
    });
    EXPECT_TRUE(session.shows("up"));
    session.type("fg\n");
    session.type("late\n");
    EXPECT_TRUE(session.shows("<late>")) << session.screen();
    EXPECT_EQ(session.code(), 3);
}

}  // namespace
}  // namespace diskpaxos
