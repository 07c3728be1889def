// The log: what a line looks like, how often something is said, and that nothing about the
// descriptor under it reaches who has something to say.
#include "disk-agent/log.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace diskpaxos::agent {
namespace {

using namespace std::chrono_literals;

class Hand final : public Clock {  // moved by hand; nobody sleeps by it
  public:
    Instant now() const override { return at; }
    void arm(Timer&, Runnable&) override {}
    void disarm(Timer&) override {}
    Instant at{};
};

struct Pipe {
    Pipe() {
        int ends[2];
        CHECK(pipe2(ends, O_CLOEXEC) == 0);
        out = ends[0];
        in = ends[1];
    }
    Pipe(const Pipe&) = delete;
    Pipe& operator=(const Pipe&) = delete;
    ~Pipe() {
        close_reader();
        close(in);
    }
    void close_reader() {
        if (out >= 0) close(out);
        out = -1;
    }
    // Until nothing more has come for so long.
    std::string drain(int milliseconds = 200) const {
        std::string text;
        char piece[4096];
        pollfd ready{out, POLLIN, 0};
        while (poll(&ready, 1, milliseconds) > 0) {
            const ssize_t got = read(out, piece, sizeof piece);
            if (got <= 0) break;
            text.append(piece, static_cast<std::size_t>(got));
        }
        return text;
    }
    int out = -1;
    int in = -1;
};

std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> lines;
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = std::min(text.find('\n', at), text.size());
        lines.push_back(text.substr(at, end - at));
        at = end + 1;
    }
    return lines;
}

TEST(LogLine, IsPrintableAndCut) {
    EXPECT_EQ(log_line(Level::info, "all is well", false), "diskpaxos-agent: all is well\n");
    EXPECT_EQ(log_line(Level::error, "broken", true), "<3>diskpaxos-agent: broken\n");
    EXPECT_EQ(log_line(Level::debug, "x\"\ndiskpaxos-agent: forged\x1b]0;a\x7f\xc2\x9b", false),
              "diskpaxos-agent: x\"\\x0adiskpaxos-agent: forged\\x1b]0;a\\x7f\\xc2\\x9b\n");
    EXPECT_EQ(log_line(Level::info, std::string_view("a\0b", 3), false),
              "diskpaxos-agent: a\\x00b\n");
    for (const char c : {'A', '\n', '\xff'}) {
        for (std::size_t size = 100; size < 600; ++size) {
            const std::string line = log_line(Level::info, std::string(size, c), true);
            ASSERT_LE(line.size(), longest_line) << size;
            ASSERT_EQ(std::ranges::count(line, '\n'), 1) << size;
            const std::size_t whole = 3 + 17 + size * (c == 'A' ? 1 : 4) + 1;
            ASSERT_EQ(line.ends_with("...\n"), whole > longest_line) << size;
        }
    }
}

TEST(LogTest, TellsTheJournalHowGraveItIs) {
    Pipe pipe;
    struct stat facts{};
    ASSERT_EQ(fstat(pipe.in, &facts), 0);
    setenv("JOURNAL_STREAM", fmt::format("{}:{}", facts.st_dev, facts.st_ino).c_str(), 1);
    Hand clock;
    {
        Log log(clock, true, pipe.in);
        log.note("one", Level::error);
        log.complain(Topic::clients, "two");
        log.detail("three");
    }
    EXPECT_EQ(pipe.drain(),
              "<3>diskpaxos-agent: one\n<4>diskpaxos-agent: two\n<7>diskpaxos-agent: three\n");
    setenv("JOURNAL_STREAM", "1:1", 1);  // of somebody else's stderr
    Log(clock, true, pipe.in).note("four");
    EXPECT_EQ(pipe.drain(), "diskpaxos-agent: four\n");
    unsetenv("JOURNAL_STREAM");
}

TEST(LogTest, SaysSoMuchOfEachKindAndCountsTheRest) {
    Pipe pipe;
    Hand clock;
    clock.at = Instant(1h);
    Log log(clock, false, pipe.in);
    const auto flood = [&](Topic topic, unsigned count) {
        for (unsigned i = 0; i < count; ++i) log.complain(topic, "again");
        return lines_of(pipe.drain(50)).size();
    };
    EXPECT_EQ(flood(Topic::strangers, 1000), Log::at_once);
    EXPECT_TRUE(log.left_out().is_set());
    EXPECT_EQ(flood(Topic::refusals, 3), 3U) << "another kind";
    clock.at += Log::pace;
    EXPECT_EQ(flood(Topic::strangers, 1000), 1U);
    clock.at += 3 * Log::pace + Log::pace / 2;
    EXPECT_EQ(flood(Topic::strangers, 1000), 3U);
    clock.at += Log::pace / 2;
    EXPECT_EQ(flood(Topic::strangers, 1000), 1U) << "the half was not lost";
    clock.at += 100 * Log::pace;
    EXPECT_EQ(flood(Topic::strangers, 1000), Log::at_once);
    log.tell_left_out();
    EXPECT_EQ(pipe.drain(), fmt::format("diskpaxos-agent: {} more lines about strangers were left "
                                        "out\n",
                                        5000 - 2 * Log::at_once - 5));
    EXPECT_FALSE(log.left_out().is_set());
    log.tell_left_out();
    log.detail("nobody wants to know");
    EXPECT_EQ(pipe.drain(), "");
}

TEST(LineWriterTest, WaitsForNobodyAndCountsWhatIsLost) {
    Pipe pipe;
    Hand clock;
    constexpr unsigned said = 10'000;
    std::vector<std::string> lines;
    {
        Log log(clock, false, pipe.in);
        for (unsigned i = 0; i < said; ++i)
            log.note(fmt::format("{:0100}", i));  // a MB, and 64 KiB fit
        std::string text = pipe.drain();
        log.note("the end");
        text += pipe.drain();
        lines = lines_of(text);
    }
    ASSERT_GT(lines.size(), 2000U);
    EXPECT_EQ(lines.back(), "diskpaxos-agent: the end");
    unsigned long lost = 0;
    for (const std::string& line : lines) {
        ASSERT_TRUE(line.starts_with("diskpaxos-agent: ")) << "torn: " << line;
        if (line.contains("could not be written")) lost += std::stoul(line.substr(17));
    }
    EXPECT_GT(lost, 0U);
    const auto apologies = std::ranges::count_if(
        lines, [](const std::string& line) { return line.contains("could not be written"); });
    EXPECT_EQ(lost + lines.size() - static_cast<std::size_t>(apologies), said + 1U);
}

TEST(LineWriterTest, BearsADescriptorThatCannotBeWritten) {
    std::signal(SIGPIPE, SIG_IGN);
    Hand clock;
    Pipe dead;
    dead.close_reader();
    const int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
    const int closed = dup(full);
    close(closed);
    for (const int fd : {dead.in, full, closed}) {
        Log log(clock, false, fd);
        for (int i = 0; i < 100; ++i) log.note("is anybody there?");
    }
    // And once it can be written again it says how much is missing.
    Pipe pipe;
    const int fd = dup(full);
    {
        io::LineWriter writer(fd, [](unsigned count) { return fmt::format("{} lost\n", count); });
        writer.write("one\n");
        writer.write("two\n");
        ASSERT_TRUE(writer.finish(5s));
        ASSERT_EQ(dup2(pipe.in, fd), fd);
        writer.write("three\n");
        writer.write("four\n");
    }
    close(fd);
    close(full);
    EXPECT_EQ(pipe.drain(), "2 lost\nthree\nfour\n");
}

TEST(LineWriterTest, AReaderThatHangsDoesNotKeepUsAtTheEnd) {
    Pipe pipe;
    const auto begin = std::chrono::steady_clock::now();
    {
        io::LineWriter writer(pipe.in);
        for (int i = 0; i < 200; ++i) writer.write(std::string(1023, 'x') + "\n");
        EXPECT_FALSE(writer.finish(50ms));
    }
    EXPECT_LT(std::chrono::steady_clock::now() - begin, 5s);
}

// Where the system has no thread to give, it writes itself, and still waits for nobody.
TEST(LineWriterTest, ItCanDoWithoutItsThread) {
    Pipe pipe;
    const pid_t pid = fork();
    if (pid == 0) {
        std::ifstream statm("/proc/self/statm");
        rlim_t pages = 0;
        statm >> pages;
        const rlim_t room = pages * static_cast<rlim_t>(getpagesize()) + 1024 * 1024;
        const rlimit limit{.rlim_cur = room, .rlim_max = room};
        setrlimit(RLIMIT_AS, &limit);
        pthread_attr_t large;  // larger than what is left of other threads
        pthread_attr_init(&large);
        pthread_attr_setstacksize(&large, std::size_t{64} << 20);
        pthread_setattr_default_np(&large);
        io::LineWriter writer(pipe.in,
                              [](unsigned count) { return fmt::format("{} lost\n", count); });
        const auto tasks = std::filesystem::directory_iterator("/proc/self/task");
        const bool alone = std::distance(begin(tasks), end(tasks)) == 1;
        for (int i = 0; i < 1000; ++i) writer.write(std::string(1023, 'x') + "\n");
        _exit(alone && writer.finish(0s) ? 0 : 1);
    }
    int status = 0;
    ASSERT_EQ(waitpid(pid, &status, 0), pid);
    EXPECT_EQ(status, 0);
    EXPECT_GT(lines_of(pipe.drain()).size(), 10U);
}

}  // namespace
}  // namespace diskpaxos::agent
