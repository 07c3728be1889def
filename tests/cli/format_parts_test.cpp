// Of `format`: what its group file can hold, and what its progress bar says.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "cli/progress.hpp"
#include "node/group_file.hpp"
#include "node/machine_id.hpp"

namespace diskpaxos {
namespace {

namespace fs = std::filesystem;

class GroupFile : public testing::Test {
  protected:
    GroupFile() : folder_(fs::temp_directory_path() / "diskpaxos-XXXXXX") {
        std::string name = folder_.string();
        EXPECT_NE(mkdtemp(name.data()), nullptr);
        folder_ = name;
    }
    ~GroupFile() override { fs::remove_all(folder_); }

    Result<node::NamedDisks> read(const std::string& text) {
        const std::string path = (folder_ / "g.conf").string();
        std::ofstream(path) << text;
        return node::disks_of_group(path);
    }
    std::string here(const std::string& name) { return (folder_ / name).string(); }

    fs::path folder_;
};

Uuid some_uuid() {
    Uuid uuid;
    for (std::size_t i = 0; i < uuid.size(); ++i) uuid[i] = static_cast<std::byte>(0xa0 + i);
    return uuid;
}

// All bytes but zero, at the beginning, in the middle and at the end of a path.
TEST_F(GroupFile, ReadsBackAsItWasOrIsRefused) {
    unsigned taken = 0;
    std::vector<std::string> paths = {"/h1#2",  "/a #b",           "/a\t#b", "/a b",
                                      "/a = b", "/\"a\"",          "/a\\",   "/disk = x",
                                      "/a  ",   "agent://h:1/s#1", "/a/./b", "/a//b"};
    for (int byte = 1; byte < 256; ++byte) {
        const char c = static_cast<char>(byte);
        for (const char* form : {"/?x", "/x?x", "/x?", "/x ?", "/x?#"}) {
            std::string path = form;
            std::ranges::replace(path, '?', c);
            paths.push_back(std::move(path));
        }
    }
    for (const std::string& path : paths) {
        const Result<void> fits = node::fits_group_file({path});
        if (!fits) {
            EXPECT_EQ(fits.error().code, Code::usage);
            continue;
        }
        ++taken;
        const auto back = read(node::group_file_text("prod # 1", some_uuid(), {path}));
        ASSERT_TRUE(back) << path;
        EXPECT_EQ(back->disks, std::vector{path});
        EXPECT_EQ(back->group, some_uuid());
    }
    EXPECT_GT(taken, 1000U);
    for (const char* path : {"/h1#2", "/a b", "/a = b", "/\"a\"", "agent://h:1/s#1"}) {
        EXPECT_TRUE(node::fits_group_file({path})) << path;
    }
    for (const char* path : {"/a #b", "/a\nb", "/a ", "/a\tb", ""}) {
        EXPECT_FALSE(node::fits_group_file({path})) << path;
    }
}

TEST_F(GroupFile, OfBeforeStillReads) {
    const auto back =
        read("# group prod, 1234\ndisk = /a # the first\n\n  disk=/b#2\ndisk = c\r\n");
    ASSERT_TRUE(back);
    EXPECT_FALSE(back->group);
    EXPECT_EQ(back->disks, (std::vector<std::string>{"/a", "/b#2", here("c")}));
}

TEST_F(GroupFile, RelativePathsHaveNoDotsThatMeanNothing) {
    const auto back = read("disk = ./a\ndisk = x/./b\ndisk = ../c\n");
    ASSERT_TRUE(back);
    EXPECT_EQ(back->disks, (std::vector<std::string>{here("a"), here("x/b"), here("../c")}));
}

TEST_F(GroupFile, OfTwoGroupsOrNoneIsRefused) {
    const char* group = "group = a0a1a2a3-a4a5-a6a7-a8a9-aaabacadaeaf\n";
    const char* other = "group = b0a1a2a3-a4a5-a6a7-a8a9-aaabacadaeaf\n";
    EXPECT_TRUE(read(std::string(group) + group + "disk = /a\n"));
    EXPECT_EQ(read(std::string(group) + other + "disk = /a\n").error().code, Code::usage);
    EXPECT_EQ(read("group = prod\ndisk = /a\n").error().code, Code::usage);
    EXPECT_EQ(read(group).error().code, Code::usage);
}

TEST(Secret, IsAPasswordInAUrl) {
    EXPECT_TRUE(node::holds_secret("iscsi://me%pass@host/iqn/1"));
    EXPECT_FALSE(node::holds_secret("iscsi://me@host/iqn/1"));
    EXPECT_FALSE(node::holds_secret("iscsi://host/iqn%20x@y/1"));
    EXPECT_FALSE(node::holds_secret("/a%b@c"));
}

TEST(MachineId, IsTheSameHoweverItIsWritten) {
    const std::string plain = "0123456789abcdef0123456789abcdef";
    const struct {
        std::string written;
        std::string means;
    } rows[] = {{plain, plain},
                {"0123456789ABCDEF0123456789abcdef", plain},
                {"01234567-89ab-cdef-0123-456789ABCDEF", plain},
                {std::string(32, '0'), ""},
                {"00000000-0000-0000-0000-000000000000", ""},
                {"0", "0"},
                {"", ""},
                {"node-7", "node-7"},
                {"uninitialized", "uninitialized"},
                {plain + "0", plain + "0"}};
    for (const auto& row : rows) EXPECT_EQ(node::plain_machine_id(row.written), row.means);
}

TEST(Progress, NeverCountsBackwards) {
    EXPECT_EQ(cli::progress_figures(1 << 20, 2 << 20, 1.0),
              " 50% 1.0 MiB of 2.0 MiB, 1.0 MiB/s, 1 s left");
    EXPECT_EQ(cli::progress_figures(2 << 20, 1 << 20, 2.0),
              "100% 2.0 MiB of 2.0 MiB, 1.0 MiB/s, 0 s left");
    EXPECT_NE(cli::progress_figures(0, 0, 0.0).find(", 0 s left"), std::string::npos);
}

}  // namespace
}  // namespace diskpaxos
