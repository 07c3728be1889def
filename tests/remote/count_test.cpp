// What a step costs in the steady state: one system call for all agents, and no allocation.
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <thread>

#include "../io/counted_new.hpp"
#include "fake_agent.hpp"

namespace diskpaxos::remote {
namespace {

// An agent that blocks, in a thread of its own: it answers each step with an initial block.
class BlockingAgent {
  public:
    explicit BlockingAgent(const std::string& path) {
        const net::Endpoint endpoint = net::resolve(*net::parse_address(path, 0))->front();
        listening_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        CHECK(bind(listening_, endpoint.get(), endpoint.length) == 0 && listen(listening_, 1) == 0);
        thread_ = std::thread([this] { serve(); });
    }
    BlockingAgent(const BlockingAgent&) = delete;
    BlockingAgent& operator=(const BlockingAgent&) = delete;
    ~BlockingAgent() {
        thread_.join();
        close(listening_);
    }

  private:
    void serve() {
        const int fd = accept(listening_, nullptr, nullptr);
        wire::FrameReader reader(8192);
        Bytes out;
        Bytes block(512);
        encode_initial(block, {});
        wire::Welcome welcome{.block_size = 512, .blocks = 64, .largest_body = 8192, .requests = 8};
        for (;;) {
            const auto frame = reader.next();
            if (!*frame) {
                const ByteSpan room = reader.room(4096);
                const ssize_t count = recv(fd, room.data(), room.size(), 0);
                if (count <= 0) break;
                reader.filled(static_cast<std::size_t>(count));
                continue;
            }
            out.clear();
            const wire::Type type = (*frame)->type;
            if (type == wire::Type::hello) wire::put_welcome(out, (*frame)->id, welcome);
            else if (type == wire::Type::rights) wire::ListWriter(out, (*frame)->id, type).end(0);
            else wire::put_block(out, type, wire::Status::ok, (*frame)->id, block);
            if (send(fd, out.data(), out.size(), MSG_NOSIGNAL) < 0) break;
        }
        close(fd);
    }

    int listening_ = -1;
    std::thread thread_;
};

struct Phase {
    unsigned missing = 0;
    unsigned failed = 0;
    Event whole;
};

Task<void> take_step(Disk& disk, const Bytes& request, Phase& phase) {
    IoPtr io = disk.prepare(Io::Kind::step, {9, 1}, {9, 1});
    std::ranges::copy(request, io->out.bytes().begin());
    io->rank = rank_of(1);
    io = co_await Transfer(disk, std::move(io));
    if (io->error != 0) ++phase.failed;
    if (--phase.missing == 0) phase.whole.set();
}

class StepCountTest : public testing::TestWithParam<unsigned> {};
INSTANTIATE_TEST_SUITE_P(Agents, StepCountTest, testing::Values(1U, 3U));

TEST_P(StepCountTest, IsOneSubmissionAndNoAllocation) {
    const auto made = io::make_loop(io::Backend::uring);
    if (!made) GTEST_SKIP() << made.error().sentence;
    Rig rig(io::Backend::uring);
    std::string directory = testing::TempDir() + "/diskpaxos-count-XXXXXX";
    ASSERT_NE(mkdtemp(directory.data()), nullptr);
    std::vector<std::unique_ptr<BlockingAgent>> agents;
    std::vector<std::unique_ptr<AgentDisk>> disks;
    for (unsigned i = 0; i < GetParam(); ++i) {
        const std::string path = directory + "/" + std::to_string(i);
        agents.push_back(std::make_unique<BlockingAgent>(path));
        disks.push_back(must_open(rig, "agent+unix://" + path));
        unlink(path.c_str());
    }
    const Bytes request = promise(9, rank_of(1));
    Phase phase;
    const auto run = [&] {
        phase.missing = GetParam();
        phase.whole.reset();
        for (auto& disk : disks) rig.scope.spawn(take_step(*disk, request, phase));
        rig.loop->run_until(phase.whole);
    };
    for (int warm = 0; warm < 50; ++warm) run();
    constexpr unsigned rounds = 1000;
    const io::Counts before = rig.loop->counts();
    const std::uint64_t allocated = allocations();
    for (unsigned round = 0; round < rounds; ++round) run();
    EXPECT_TRUE(!allocations_are_counted || allocations() == allocated);
    const io::Counts& after = rig.loop->counts();
    EXPECT_EQ(phase.failed, 0U);
    EXPECT_EQ(after.submissions - before.submissions, rounds);
    EXPECT_EQ(after.sends - before.sends, rounds * GetParam());
    EXPECT_LE(after.waits - before.waits, rounds * (GetParam() - 1) + rounds / 50);
    disks.clear();
    agents.clear();
    rmdir(directory.c_str());
}

}  // namespace
}  // namespace diskpaxos::remote
