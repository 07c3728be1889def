// Addresses and key files, as people write them.
#include <sys/stat.h>

#include <fstream>

#include "peers.hpp"

namespace diskpaxos::net {
namespace {

TEST(AddressTest, IsReadAsItIsWritten) {
    struct Row {
        const char* text;
        const char* meaning;  // null: refused
    };
    const Row rows[] = {
        {"host:80", "host:80"},
        {"host", "host:4747"},
        {"127.0.0.1:0", "127.0.0.1:0"},
        {"[::1]:65535", "[::1]:65535"},
        {"[::1]", "[::1]:4747"},
        {"/run/agent", "/run/agent"},
        {"", nullptr},
        {":80", nullptr},
        {"host:", nullptr},
        {"host:65536", nullptr},
        {"host:8x", nullptr},
        {"host:-1", nullptr},
        {"::1", nullptr},
        {"[::1", nullptr},
        {"[::1]80", nullptr},
        {"[]:80", nullptr},
    };
    for (const Row& row : rows) {
        const Result<Address> address = parse_address(row.text, 4747);
        EXPECT_EQ(address.has_value(), row.meaning != nullptr) << row.text;
        if (address) {
            EXPECT_EQ(describe(*address), row.meaning);
        } else {
            EXPECT_EQ(address.error().code, Code::usage);
        }
    }
    EXPECT_FALSE(parse_address("host", 0).has_value());
}

TEST(AddressTest, KnowsWhatStaysOnThisHost) {
    for (const char* text :
         {"127.0.0.1:1", "127.9.9.9:1", "[::1]:1", "/run/x", "[::ffff:127.0.0.1]:1"}) {
        EXPECT_TRUE(is_local(endpoint_of(text))) << text;
    }
    for (const char* text : {"10.0.0.1:1", "128.0.0.1:1", "0.0.0.0:1", "[fe80::1]:1", "[::]:1",
                             "[::ffff:10.0.0.1]:1"}) {
        EXPECT_FALSE(is_local(endpoint_of(text))) << text;
    }
    EXPECT_FALSE(is_local(std::vector<Endpoint>()));
    EXPECT_EQ(describe(endpoint_of("[::1]:17")), "[::1]:17");
}

TEST(AddressTest, TellsWhoseNetworkItIs) {
    EXPECT_EQ(network_of(endpoint_of("10.0.0.1:17")), "10.0.0.1");
    EXPECT_EQ(network_of(endpoint_of("[::ffff:10.0.0.1]:17")), "::ffff:10.0.0.1");
    EXPECT_EQ(network_of(endpoint_of("[fd00:1:2:3:4:5:6:7]:17")), "fd00:1:2:3::/64");
    EXPECT_EQ(network_of(endpoint_of("[fd00:1:2:3:8::]:18")), "fd00:1:2:3::/64");
    EXPECT_EQ(network_of(endpoint_of("[::1]:17")), "::/64");
}

TEST(AddressTest, AnOverlongPathIsRefused) {
    EXPECT_FALSE(resolve(*parse_address("/" + std::string(107, 'x'), 0)).has_value());
    EXPECT_TRUE(resolve(*parse_address("/" + std::string(106, 'x'), 0)).has_value());
}

// Made as it is to be, whatever mask the process has: nothing changes it by its path afterwards.
TEST(ListenerTest, ASocketIsEverybodysFromTheBeginning) {
    const ScratchDirectory scratch;
    Rig rig(Carrier::threads);
    for (const mode_t mask : {mode_t{0022}, mode_t{0077}, mode_t{0}}) {
        const mode_t before = umask(mask);
        const auto listener = Listener::open(*rig.loop, endpoint_of(scratch.at("socket")));
        EXPECT_EQ(umask(before), mask);
        ASSERT_TRUE(listener.has_value()) << listener.error().sentence;
        struct stat facts{};
        ASSERT_EQ(stat(scratch.at("socket").c_str(), &facts), 0);
        EXPECT_EQ(facts.st_mode & 0777U, 0666U);
    }
}

TEST(KeysTest, AreReadAndWritten) {
    const std::string hex(64, 'a');
    const auto keys = parse_keys("# ours\n\nalice:" + hex + "\nhost:b:" + hex + "\r\n", "F");
    ASSERT_TRUE(keys.has_value()) << keys.error().sentence;
    ASSERT_EQ(keys->size(), 2U);
    EXPECT_EQ((*keys)[1].identity, "host:b");
    EXPECT_EQ((*keys)[0].key, Bytes(32, std::byte{0xaa}));
    EXPECT_EQ(format_key((*keys)[0]), "alice:" + hex + "\n");
    for (const std::string& wrong :
         {std::string(), std::string("alice"), "alice:" + hex + "0", "alice:" + hex.substr(2),
          ":" + hex, "al ice:" + hex, "alice:" + std::string(64, 'g'), "a:" + hex + "\na:" + hex,
          std::string(129, 'i') + ":" + hex, "loopback:" + hex, "uid:0:" + hex}) {
        const auto refused = parse_keys(wrong, "F");
        ASSERT_FALSE(refused.has_value()) << wrong;
        EXPECT_NE(refused.error().sentence.find(" F"), std::string::npos);
    }
}

TEST(KeysTest, AFileThatOthersCanReadIsRefused) {
    ScratchDirectory scratch;
    const std::string path = scratch.at("key");
    std::ofstream(path) << format_key(key_of("alice"));
    ASSERT_EQ(chmod(path.c_str(), 0640), 0);
    const auto open = read_keys(path);
    ASSERT_FALSE(open.has_value());
    EXPECT_EQ(open.error().code, Code::permission);
    ASSERT_EQ(chmod(path.c_str(), 0600), 0);
    const auto keys = read_keys(path);
    ASSERT_TRUE(keys.has_value()) << keys.error().sentence;
    EXPECT_EQ(keys->front().identity, "alice");
    EXPECT_FALSE(read_keys(scratch.at("nothing")).has_value());
}

}  // namespace
}  // namespace diskpaxos::net
