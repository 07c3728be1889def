// Real targets on loopback: Debian's istgt, which compares, and tgt, which only says so.
#include <gtest/gtest.h>

#include <cerrno>

#include "contention.hpp"
#include "daemon.hpp"
#include "register_client.hpp"
#include "relay.hpp"
#include "rig.hpp"

namespace diskpaxos::scsi {
namespace {

using namespace std::chrono_literals;

constexpr Duration time_out = 3s;  // istgt takes one to let somebody in

class IstgtTest : public testing::Test {
  protected:
    std::unique_ptr<CawDisk> opened(Rig& rig, const std::string& url) {
        auto disk = rig.open(url, time_out);
        EXPECT_TRUE(disk.has_value()) << disk.error().sentence;
        return disk ? *std::move(disk) : nullptr;
    }
    static std::string sentence(Rig& rig, const std::string& url) {
        const auto disk = rig.open(url, time_out);
        return disk ? "opened" : disk.error().sentence;
    }
    static Task<int> format(Disk& disk) {
        IoPtr io = disk.prepare(Io::Kind::write, {contended_block, 1}, {});
        std::ranges::copy(RegisterClient::initial(contended_block, disk.block_size()),
                          io->out.bytes().begin());
        io = co_await Transfer(disk, std::move(io));
        co_return io->error;
    }

    Istgt istgt;
};

TEST_F(IstgtTest, TellsWhatTheLunIs) {
    Rig rig;
    const auto small = opened(rig, istgt.url("t1"));
    const auto large = opened(rig, istgt.url("t3"));
    const auto twin = opened(rig, istgt.url("t1", "localhost"));
    ASSERT_TRUE(small && large && twin);
    EXPECT_EQ(small->name(), istgt.url("t1"));
    EXPECT_EQ(small->block_size(), 512U);
    EXPECT_EQ(small->blocks(), 8192U);
    EXPECT_EQ(large->block_size(), 4096U);
    EXPECT_EQ(large->blocks(), 1024U);
    EXPECT_NE(small->facts().identity, "");
    EXPECT_EQ(small->facts().identity, twin->facts().identity) << "two URLs, one LUN";
    EXPECT_NE(small->facts().identity, large->facts().identity);
    for (const auto& disk : {small.get(), large.get()}) {
        EXPECT_EQ(rig.run(format(*disk)), 0);
        RegisterClient client(*disk, contended_block, 1);
        EXPECT_TRUE(rig.run(client.increment()));
        EXPECT_TRUE(rig.run(client.increment()));
        EXPECT_EQ(rig.run(client.look()).value, "2");
    }
}

TEST_F(IstgtTest, SaysWhyNot) {
    Rig rig;
    const std::string nobody = "iscsi://127.0.0.1:" + std::to_string(free_port()) + "/iqn.x:y/0";
    EXPECT_NE(sentence(rig, nobody).find("login failed"), std::string::npos);
    EXPECT_NE(sentence(rig, nobody).find("refused"), std::string::npos) << sentence(rig, nobody);
    Relay to_nobody(free_port());  // lets one in, and hangs up
    const std::string hanging_up =
        "iscsi://127.0.0.1:" + std::to_string(to_nobody.port()) + "/iqn.x:y/0";
    EXPECT_NE(sentence(rig, hanging_up).find("login failed: the target has closed the connection"),
              std::string::npos)
        << sentence(rig, hanging_up);
    EXPECT_NE(sentence(rig, istgt.url("nosuch")).find("login failed"), std::string::npos);
    EXPECT_NE(sentence(rig, "iscsi://127.0.0.1").find("not of the form"), std::string::npos);
    EXPECT_NE(sentence(rig, "scsi:///dev/no-such").find("No such file"), std::string::npos);
    EXPECT_NE(sentence(rig, "scsi:///dev/null").find("does not say how large"), std::string::npos);
}

TEST_F(IstgtTest, AsksForAPasswordThatIsNeverShown) {
    Rig rig;
    std::string url = istgt.url("t4");
    const std::string refused = sentence(rig, url);
    EXPECT_NE(refused.find("login failed"), std::string::npos) << refused;
    std::string wrong = url;
    wrong.insert(8, "me%wr0ng-wr0ng-wr0ng@");
    EXPECT_EQ(sentence(rig, wrong).find("wr0ng"), std::string::npos) << sentence(rig, wrong);
    std::string right = url;
    right.insert(8, "me%s3cret-s3cret@");
    const auto disk = opened(rig, right);
    ASSERT_TRUE(disk);
    EXPECT_EQ(disk->name(), url);
    setenv("LIBISCSI_CHAP_USERNAME", "me", 1);
    setenv("LIBISCSI_CHAP_PASSWORD", "s3cret-s3cret", 1);
    EXPECT_TRUE(opened(rig, url)) << "by the environment";
    unsetenv("LIBISCSI_CHAP_USERNAME");
    unsetenv("LIBISCSI_CHAP_PASSWORD");
}

TEST_F(IstgtTest, FourProcessesLoseNothing) {
    const auto result = contend({istgt.url("t1"), istgt.url("t1", "localhost")}, 4, 250);
    ASSERT_TRUE(result.has_value()) << result.error().sentence;
    EXPECT_EQ(result->all.counted, 1000U);
    EXPECT_EQ(result->all.failures, 0U);
    EXPECT_EQ(result->final_count, 1000U);
    EXPECT_GT(result->all.misses, 100U) << "they did not meet, which proves nothing";
    RecordProperty("misses", static_cast<int>(result->all.misses));
}

class BrokenNetworkTest : public IstgtTest, public testing::WithParamInterface<io::Backend> {
  protected:
    std::string relayed() const {
        return "iscsi://127.0.0.1:" + std::to_string(relay.port()) + "/iqn.2026-01.test:t1/0";
    }
    Relay relay{istgt.port()};
};
INSTANTIATE_TEST_SUITE_P(, BrokenNetworkTest,
                         testing::Values(io::Backend::uring, io::Backend::threads),
                         [](const auto& given) {
                             return given.param == io::Backend::uring ? "uring" : "threads";
                         });

// One after the other, while the connection is cut again and again.
TEST_P(BrokenNetworkTest, CutConnectionsLoseNothing) {
    Rig rig(GetParam());
    const auto disk = opened(rig, relayed());
    ASSERT_TRUE(disk);
    ASSERT_EQ(rig.run(format(*disk)), 0);
    RegisterClient client(*disk, contended_block, 1);
    std::uint64_t counted = 0;
    for (int cuts = 0; cuts < 3; ++cuts) {
        std::uint64_t since = 0;
        for (int tries = 0; since < 50; ++tries) {
            ASSERT_LT(tries, 10'000);
            if (tries == 25) relay.cut();
            const bool certain = rig.run(client.increment());
            since += certain;
            if (!certain) rig.run(client.look());  // and goes on from what is there
        }
        counted += since;
    }
    const auto end = rig.run(client.look());
    ASSERT_EQ(end.error, 0);
    const std::uint64_t number = std::stoull(end.value);
    EXPECT_GE(number, counted);
    EXPECT_LE(number, counted + client.doubts);
    EXPECT_GE(relay.connections(), 3U);
}

TEST_P(BrokenNetworkTest, SilenceEndsTheWaitingAndTheSession) {
    Rig rig(GetParam());
    const auto disk = opened(rig, relayed());
    ASSERT_TRUE(disk);
    ASSERT_EQ(rig.run(format(*disk)), 0);
    RegisterClient client(*disk, contended_block, 1);
    ASSERT_TRUE(rig.run(client.read(client.rank(1))).done());
    relay.freeze(true);
    const Instant before = rig.loop->now();
    EXPECT_EQ(rig.run(client.write(client.rank(1), "v")).error, ETIMEDOUT);
    EXPECT_GE(rig.loop->now() - before, time_out);
    EXPECT_LT(rig.loop->now() - before, time_out + 1s);
    relay.freeze(false);
    RegisterClient::Answer written;
    for (int tries = 0; tries < 100 && !written.done(); ++tries) written = rig.run(client.again());
    EXPECT_TRUE(written.done());
    EXPECT_EQ(rig.run(client.look()).value, "v");
}

TEST_F(IstgtTest, ComesBackWithTheTarget) {
    Rig rig;
    const auto disk = opened(rig, istgt.url("t2"));
    ASSERT_TRUE(disk);
    ASSERT_EQ(rig.run(format(*disk)), 0);
    RegisterClient client(*disk, contended_block, 1);
    ASSERT_TRUE(rig.run(client.increment()));
    istgt.stop();
    const Instant before = rig.loop->now();
    EXPECT_FALSE(rig.run(client.increment()));
    EXPECT_LT(rig.loop->now() - before, 1s) << "a target that is gone is known to be";
    istgt.start();
    bool counted = false;
    for (int tries = 0; tries < 1000 && !counted; ++tries) counted = rig.run(client.increment());
    EXPECT_TRUE(counted);
    EXPECT_EQ(rig.run(client.look()).value, "2");
}

TEST(TgtTest, IsRefusedThoughItAdvertisesTheCommand) {
    Tgt tgt;
    Rig rig;
    const auto disk = rig.open(tgt.url(), time_out);
    ASSERT_FALSE(disk.has_value());
    EXPECT_NE(disk.error().sentence.find("the target does not know this command"),
              std::string::npos)
        << disk.error().sentence;
    EXPECT_NE(disk.error().sentence.find("passive disk"), std::string::npos);
}

}  // namespace
}  // namespace diskpaxos::scsi
