// Files of settings that are read while the agent serves.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "agent/agent_process.hpp"
#include "disk-agent/access.hpp"
#include "net/keys.hpp"

namespace diskpaxos::agent {
namespace {

// Whatever stands at its path: one sentence, at once.
TEST(SettingsTest, WhatCannotBeReadIsAnError) {
    const Folder folder;
    std::filesystem::create_directory(folder / "directory");
    ASSERT_EQ(mkfifo((folder / "pipe").c_str(), 0600), 0);
    std::ofstream(folder / "large") << std::string(2 << 20, '#');
    std::ofstream(folder / "empty");
    std::filesystem::create_symlink(folder / "nothing", folder / "link");
    for (const char* name : {"directory", "pipe", "large", "empty", "link", "nothing"}) {
        const auto rules = AccessRules::read(folder / name);
        ASSERT_FALSE(rules) << name;
        EXPECT_EQ(rules.error().code, Code::usage) << name;
        EXPECT_NE(rules.error().sentence.find(folder / name), std::string::npos) << name;
        EXPECT_FALSE(net::read_keys(folder / name)) << name;
    }
    EXPECT_FALSE(AccessRules::read("/dev/zero"));
    EXPECT_FALSE(AccessRules::read("/proc/self/mem"));  // EIO
}

}  // namespace
}  // namespace diskpaxos::agent
