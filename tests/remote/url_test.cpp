// URLs of agents' stores, and which key is shown to whom.
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "fake_agent.hpp"

namespace diskpaxos::remote {
namespace {

TEST(UrlTest, IsReadAsItIsWritten) {
    const auto full = parse_url("agent://host:17/alpha?key=/a/b");
    ASSERT_TRUE(full.has_value());
    EXPECT_EQ(full->name, "agent://host:17/alpha");
    EXPECT_EQ(net::describe(full->address), "host:17");
    EXPECT_EQ(full->store, "alpha");
    EXPECT_EQ(full->key_file, "/a/b");
    EXPECT_FALSE(full->certificate.has_value());

    const auto bare = parse_url("agent://[::1]");
    ASSERT_TRUE(bare.has_value());
    EXPECT_EQ(net::describe(bare->address), "[::1]:4747");
    EXPECT_EQ(bare->store, "");

    const auto unix = parse_url("agent+unix:///run/a?store=beta");
    ASSERT_TRUE(unix.has_value());
    EXPECT_EQ(unix->name, "agent+unix:///run/a?store=beta");
    EXPECT_EQ(unix->address.path, "/run/a");
    EXPECT_EQ(unix->store, "beta");

    const auto certificate = parse_url("agent://h/s?ca=C&cert=A&cert_key=B");
    ASSERT_TRUE(certificate.has_value());
    EXPECT_EQ(certificate->certificate->certificate, "A");
    EXPECT_EQ(certificate->certificate->key, "B");
    EXPECT_EQ(certificate->certificate->authority, "C");
}

TEST(UrlTest, WhatIsNoUrlIsRefused) {
    for (const char* text :
         {"", "/dev/sdb", "http://h/s", "agent://", "agent:///s", "agent://h:x/s",
          "agent://h:1:2/s", "agent:///run/socket", "agent+unix://run/a", "agent+unix://",
          "agent://h/s?key=", "agent://h/s?password=x", "agent://h/s?key=a&key=b",
          "agent://h/s?cert=a", "agent://h/s?cert=a&cert_key=b",
          "agent://h/s?key=a&cert=a&cert_key=b&ca=c", "agent+unix:///a?key=b"}) {
        const auto url = parse_url(text);
        EXPECT_FALSE(url.has_value()) << text;
        EXPECT_TRUE(url.has_value() || url.error().code == Code::usage);
    }
    EXPECT_FALSE(parse_url("agent://h/" + std::string(256, 's')).has_value());
    EXPECT_TRUE(is_url("agent://x"));
    EXPECT_TRUE(is_url("agent+unix:///x"));
    EXPECT_FALSE(is_url("iscsi://x"));
}

class CredentialsTest : public testing::Test {
  protected:
    CredentialsTest() {
        std::string name = testing::TempDir() + "/diskpaxos-remote-XXXXXX";
        directory = mkdtemp(name.data());
        setenv("HOME", directory.c_str(), 1);
        unsetenv("DISKPAXOS_AGENT_KEY");
    }
    ~CredentialsTest() override {
        std::filesystem::remove_all(directory);
        unsetenv("DISKPAXOS_AGENT_KEY");
    }
    std::string key_file(const std::string& name, mode_t mode = 0600) {
        const std::string path = directory / name;
        std::filesystem::create_directories(std::filesystem::path(path).parent_path());
        std::ofstream(path) << net::format_key({"me", Bytes(32, std::byte{1})});
        chmod(path.c_str(), mode);
        return path;
    }
    static Result<Peer> find(const std::string& url) { return find_peer(*parse_url(url)); }

    std::filesystem::path directory;
};

TEST_F(CredentialsTest, AnotherHostIsShownAKeyOrNothing) {
    if (access("/etc/diskpaxos/agent.key", F_OK) == 0) GTEST_SKIP() << "this host has a key";
    auto peer = find("agent://192.0.2.1/s");
    ASSERT_FALSE(peer.has_value());
    EXPECT_EQ(peer.error().code, Code::usage);
    EXPECT_NE(peer.error().sentence.find("?key=FILE"), std::string::npos);

    key_file(".config/diskpaxos/agent.key");
    peer = find("agent://192.0.2.1/s");
    ASSERT_TRUE(peer.has_value()) << peer.error().sentence;
    EXPECT_NE(peer->tls, nullptr);
}

TEST_F(CredentialsTest, TheFirstKeyThatIsFoundIsTheOne) {
    key_file(".config/diskpaxos/agent.key");
    const std::string open_one = key_file("open", 0644);
    setenv("DISKPAXOS_AGENT_KEY", open_one.c_str(), 1);
    const auto peer = find("agent://192.0.2.1/s");
    ASSERT_FALSE(peer.has_value()) << "and if it is not sound, it is not passed over";
    EXPECT_EQ(peer.error().code, Code::permission);
    EXPECT_TRUE(find("agent://192.0.2.1/s?key=" + key_file("other")).has_value());
}

TEST_F(CredentialsTest, ThisHostIsShownAKeyOnlyIfTheUrlNamesOne) {
    const std::string path = key_file(".config/diskpaxos/agent.key");
    setenv("DISKPAXOS_AGENT_KEY", path.c_str(), 1);
    EXPECT_EQ(find("agent://127.0.0.1/s")->tls, nullptr);
    EXPECT_EQ(find("agent+unix:///run/a")->tls, nullptr);
    EXPECT_NE(find("agent://127.0.0.1/s?key=" + path)->tls, nullptr);
    EXPECT_FALSE(find("agent://127.0.0.1/s?key=/nothing").has_value());
}

}  // namespace
}  // namespace diskpaxos::remote
