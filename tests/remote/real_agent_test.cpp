// The disk of an agent against diskpaxos-agent itself: over a UNIX socket, TCP and TLS.
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>

#include "fake_agent.hpp"

namespace diskpaxos::remote {
namespace {

constexpr std::uint64_t registers = 64;

// A program that runs until its object dies; what it says on stderr.
class Program {
  public:
    explicit Program(std::vector<std::string> words) {
        int ends[2];
        CHECK(pipe2(ends, O_CLOEXEC) == 0);
        std::vector<char*> arguments;
        for (std::string& word : words) arguments.push_back(word.data());
        arguments.push_back(nullptr);
        pid_ = fork();
        if (pid_ == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            dup2(ends[1], STDERR_FILENO);
            execv(arguments[0], arguments.data());
            _exit(127);
        }
        close(ends[1]);
        stderr_ = ends[0];
    }
    Program(const Program&) = delete;
    Program& operator=(const Program&) = delete;
    ~Program() {
        end(SIGTERM);
        close(stderr_);
    }

    // Reads on until `words` has been said; what follows it on that line, or nothing at the end.
    std::string hear(const std::string& words) {
        for (std::string line; next_line(line);) {
            const std::size_t at = line.find(words);
            if (at != std::string::npos) return line.substr(at + words.size());
        }
        ADD_FAILURE() << "it never said \"" << words << "\"";
        return {};
    }

    void signal(int number) const { kill(pid_, number); }
    void end(int signal) {
        if (pid_ <= 0) return;
        kill(pid_, signal);
        waitpid(pid_, nullptr, 0);
        pid_ = -1;
    }

  private:
    bool next_line(std::string& line) {
        line.clear();
        for (char c = 0; read(stderr_, &c, 1) == 1;) {
            if (c == '\n') return true;
            line += c;
        }
        return false;
    }

    pid_t pid_ = -1;
    int stderr_ = -1;
};

class RealAgentTest : public testing::Test {
  protected:
    RealAgentTest() {
        std::string name = testing::TempDir() + "/diskpaxos-agent-XXXXXX";
        directory = mkdtemp(name.data());
        Program create({DISKPAXOS_AGENT, "create", at("store"), "--blocks", "1024"});
        create.end(0);
    }
    ~RealAgentTest() override {
        agent.reset();
        std::filesystem::remove_all(directory);
    }

    std::string at(const std::string& name) const { return directory / name; }
    std::string write_key(const std::string& name, std::uint8_t fill) {
        std::ofstream(at(name)) << net::format_key({"alice", Bytes(32, std::byte{fill})});
        chmod(at(name).c_str(), 0600);
        return at(name);
    }
    std::string socket_url() const { return "agent+unix://" + at("socket"); }

    // Serves the store; where it listens.
    std::string serve(std::vector<std::string> words) {
        std::vector<std::string> all = {DISKPAXOS_AGENT, "serve", "--store", "s=" + at("store")};
        all.insert(all.end(), words.begin(), words.end());
        agent = std::make_unique<Program>(all);
        return agent->hear("listening at ");
    }
    void format(Disk& disk) {
        IoPtr io = disk.prepare(Io::Kind::write, {0, registers}, {});
        for (std::uint32_t i = 0; i < registers; ++i) {
            encode_initial(io->out.bytes().subspan(i * 512, 512),
                           {.kind = BlockKind::cell, .cell = i});
        }
        Outcome outcome;
        start(rig, disk, std::move(io), outcome);
        rig.loop->run_until(outcome.came);
        ASSERT_EQ(outcome.error, 0);
    }

    // A thousand steps, many at a time, and every register shows its highest in the end.
    void use(Disk& disk) {
        format(disk);
        std::vector<Outcome> outcomes(1024);
        for (std::uint64_t i = 0; i < outcomes.size(); ++i) {
            start_step(rig, disk, i % registers, rank_of(1 + i / registers), outcomes[i]);
        }
        for (Outcome& outcome : outcomes) {
            rig.loop->run_until(outcome.came);
            ASSERT_EQ(outcome.error, 0);
            ASSERT_EQ(outcome.verdict, StepVerdict::done);
        }
        Outcome read;
        start_read(rig, disk, {0, registers}, read);
        rig.loop->run_until(read.came);
        ASSERT_EQ(read.error, 0);
        for (std::uint32_t i = 0; i < registers; ++i) {
            const Decoded found = decode_block(ByteView(read.in).subspan(i * 512, 512),
                                               {.kind = BlockKind::cell, .cell = i});
            ASSERT_EQ(found.state, BlockState::valid);
            EXPECT_EQ(found.block.promised, rank_of(outcomes.size() / registers));
        }
        Outcome beyond;
        start_read(rig, disk, {disk.blocks(), 1}, beyond);
        rig.loop->run_until(beyond.came);
        EXPECT_EQ(beyond.error, ERANGE);
    }

    std::string refusal(const std::string& url) {
        Opened opened;
        open(rig, url, 2s, opened);
        EXPECT_FALSE(opened.disk.has_value());
        return opened.disk ? "" : opened.disk.error().sentence;
    }

    Rig rig;
    std::filesystem::path directory;
    std::unique_ptr<Program> agent;
};

TEST_F(RealAgentTest, OverAUnixSocket) {
    serve({"--unix", at("socket")});
    const auto disk = must_open(rig, socket_url());
    EXPECT_EQ(disk->blocks(), 1024U);
    use(*disk);
    EXPECT_NE(refusal(socket_url() + "?store=other").find("no store"), std::string::npos);
}

TEST_F(RealAgentTest, OverTcp) {
    const std::string where = serve({"--listen", "127.0.0.1:0", "--allow-loopback"});
    const auto disk = must_open(rig, "agent://" + where + "/s");
    use(*disk);
}

TEST_F(RealAgentTest, OverTlsWithAKey) {
    const std::string key = write_key("key", 1);
    const std::string where = serve({"--listen", "127.0.0.1:0", "--keys", key});
    const auto disk = must_open(rig, "agent://" + where + "/s?key=" + key);
    use(*disk);
    const std::string wrong = refusal("agent://" + where + "/s?key=" + write_key("other", 2));
    EXPECT_NE(wrong.find("another key"), std::string::npos) << wrong;
    Opened none;
    open(rig, "agent://" + where + "/s", 2s, none);
    ASSERT_FALSE(none.disk.has_value());
    EXPECT_EQ(none.disk.error().code, Code::permission);
    EXPECT_NE(none.disk.error().sentence.find("without a key"), std::string::npos)
        << none.disk.error().sentence;
}

// A key that is taken out of the file ends what came with it, and so does another in its place.
TEST_F(RealAgentTest, AKeyThatIsWithdrawnEndsItsConnections) {
    const std::string key = write_key("key", 1);
    const auto write_keys =
        [this](std::uint8_t alice, const char* other) {
            std::ofstream(at("keys"))
                << (alice != 0 ? net::format_key({"alice", Bytes(32, std::byte{alice})}) : "")
                << net::format_key({other, Bytes(32, std::byte{9})});
            chmod(at("keys").c_str(), 0600);
        };
    write_keys(1, "bob");
    const std::string where = serve({"--listen", "127.0.0.1:0", "--keys", at("keys")});
    const auto disk = must_open(rig, "agent://" + where + "/s?key=" + key);
    for (const std::uint8_t now : {std::uint8_t{0}, std::uint8_t{2}}) {
        write_keys(1, "carol");
        agent->signal(SIGHUP);
        agent->hear("were read again");
        const Instant deadline = rig.loop->now() + 5s;
        while (!disk->connected() && rig.loop->now() < deadline) rig.pass(20ms);
        ASSERT_TRUE(disk->connected()) << disk->trouble();
        rig.pass(50ms);
        EXPECT_TRUE(disk->connected()) << "its own key is there";
        write_keys(now, "bob");
        agent->signal(SIGHUP);
        agent->hear("client alice at ");
        rig.pass(200ms);
        EXPECT_FALSE(disk->connected()) << int{now};
    }
}

TEST_F(RealAgentTest, RightsThatChangeAreToldToWhoIsConnected) {
    const std::string me = "[client uid:" + std::to_string(geteuid()) + "]\n";
    std::ofstream(at("access")) << me << "read = a/\n";
    serve({"--unix", at("socket"), "--access", at("access")});
    const auto disk = must_open(rig, socket_url());
    EXPECT_TRUE(disk->lets(Right::read, "a/x"));
    EXPECT_FALSE(disk->lets(Right::write, "a/x"));
    std::ofstream(at("access")) << me << "read = b/\nwrite = a/\n";
    agent->signal(SIGHUP);
    agent->hear("were read again");
    rig.pass(50ms);
    EXPECT_FALSE(disk->lets(Right::read, "a/x"));
    EXPECT_TRUE(disk->lets(Right::write, "a/x"));
    EXPECT_TRUE(disk->connected());
}

TEST_F(RealAgentTest, AWatchHearsOfTheChangeOfAnother) {
    serve({"--unix", at("socket")});
    const auto mine = must_open(rig, socket_url());
    const auto theirs = must_open(rig, socket_url());
    format(*mine);
    Outcome watch;
    start_watch(rig, *mine, 5, Rank(), watch);
    rig.pass(20ms);
    EXPECT_FALSE(watch.came.is_set());
    IoPtr io = theirs->prepare(Io::Kind::step, {5, 1}, {5, 1});
    const Bytes value(20);  // no name
    encode_block(io->out.bytes(), {.kind = BlockKind::cell, .cell = 5},
                 {.incarnation = rank_of(1).proposer,
                  .seq = 1,
                  .promised = rank_of(1),
                  .accepted = rank_of(1),
                  .committed = {},
                  .value = value});
    io->rank = rank_of(1);
    Outcome step;
    start(rig, *theirs, std::move(io), step);
    rig.loop->run_until(step.came);
    ASSERT_EQ(step.error, 0);
    rig.loop->run_until(watch.came);
    EXPECT_EQ(watch.error, 0);
    const Decoded seen = decode_block(watch.in, {.kind = BlockKind::cell, .cell = 5});
    EXPECT_EQ(seen.block.accepted, rank_of(1));
}

// What lies at block 7, however often one has to ask.
Rank promised_at_7(Rig& rig, Disk& disk) {
    for (;;) {
        Outcome read;
        start_read(rig, disk, {7, 1}, read);
        rig.loop->run_until(read.came);
        if (read.error == ECONNRESET || read.error == ENOTCONN) continue;
        EXPECT_EQ(read.error, 0);
        const Decoded found = decode_block(read.in, {.kind = BlockKind::cell, .cell = 7});
        EXPECT_NE(found.state, BlockState::unknown);
        return found.block.promised;
    }
}

// kill -9 with steps under way, and on again with the next agent on that store.
TEST_F(RealAgentTest, AnAgentThatIsKilledComesBackWithEverythingItHasAnswered) {
    serve({"--unix", at("socket")});
    const auto disk = must_open(rig, socket_url());
    format(*disk);
    Rank next = rank_of(1);
    unsigned unanswered = 0;
    for (int life = 0; life < 10; ++life) {
        std::vector<Outcome> outcomes(200);
        Rank answered;
        Rank rank = next;
        for (Outcome& outcome : outcomes) {
            start_step(rig, *disk, 7, rank, outcome);
            rank.round += 1;
        }
        rig.pass(Duration(life * 200'000));
        agent->end(SIGKILL);
        for (Outcome& outcome : outcomes) {
            rig.loop->run_until(outcome.came);
            if (outcome.error == 0) answered = next;
            if (outcome.error != 0) ++unanswered;
            next.round += 1;
        }
        serve({"--unix", at("socket")});
        EXPECT_GE(promised_at_7(rig, *disk), answered);
    }
    EXPECT_GT(unanswered, 0U) << "it was never killed in the middle";
}

}  // namespace
}  // namespace diskpaxos::remote
