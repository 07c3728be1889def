// What may be opened as a disk, what is learned about it, and the sentence if it may not.
#include <cstdio>
#include <filesystem>

#include "fault_disks.hpp"
#include "testbed.hpp"

namespace diskpaxos::io {
namespace {

namespace fs = std::filesystem;

class OpenDiskTest : public testing::Test {
  protected:
    static Error refusal(const std::string& path, std::uint64_t at_least = 0) {
        const auto disk = OpenDisk::open(path, Access::write, at_least);
        EXPECT_FALSE(disk.has_value());
        return disk.has_value() ? Error{} : disk.error();
    }
    static bool same(const std::string& one, const std::string& other) {
        const auto a = OpenDisk::open(one, Access::read);
        const auto b = OpenDisk::open(other, Access::read);
        EXPECT_TRUE(a.has_value() && b.has_value());
        return (*a)->same_disk(**b);
    }
    ScratchDirectory scratch;
};

TEST_F(OpenDiskTest, LearnsAboutAFile) {
    const auto disk = OpenDisk::open(scratch.file("d", 65536), Access::write, 65536);
    ASSERT_TRUE(disk.has_value());
    const DiskFacts& facts = (*disk)->facts();
    EXPECT_EQ(facts.bytes, 65536U);
    EXPECT_EQ(facts.logical_block_size, 512U);
    EXPECT_TRUE(facts.writable);
    EXPECT_FALSE(facts.block_device);
}

TEST_F(OpenDiskTest, RefusesInOneSentence) {
    const Error missing = refusal(scratch.path() / "none");
    EXPECT_EQ(missing.code, Code::io);
    EXPECT_NE(missing.sentence.find("no such disk"), std::string::npos) << missing.sentence;

    const Error directory = refusal(scratch.path());
    EXPECT_EQ(directory.code, Code::usage);
    EXPECT_EQ(refusal("/dev/null").code, Code::usage);

    const Error small = refusal(scratch.file("small", 512), 8192);
    EXPECT_EQ(small.code, Code::bad_data);
    EXPECT_NE(small.sentence.find("512 bytes, 8192"), std::string::npos) << small.sentence;
}

TEST_F(OpenDiskTest, KnowsADiskNamedTwice) {
    const std::string path = scratch.file("d", 65536);
    fs::create_hard_link(path, scratch.path() / "hard");
    fs::create_symlink(path, scratch.path() / "soft");
    EXPECT_TRUE(same(path, path));
    EXPECT_TRUE(same(path, scratch.path() / "hard"));
    EXPECT_TRUE(same(path, scratch.path() / "soft"));
    EXPECT_TRUE(same(path, scratch.path() / "." / "d"));
    EXPECT_FALSE(same(path, scratch.file("other", 65536)));
}

// A loop device, for as long as the test runs.
class LoopDevice {
  public:
    LoopDevice(const std::string& options, const std::string& file) {
        FILE* answer =
            popen(("losetup --find --show " + options + " " + file + " 2>&1").c_str(), "r");
        char line[256] = {};
        if (answer == nullptr) return;
        if (std::fgets(line, sizeof line, answer) != nullptr) said_ = line;
        pclose(answer);
        while (!said_.empty() && said_.back() == '\n') said_.pop_back();
    }
    LoopDevice(const LoopDevice&) = delete;
    LoopDevice& operator=(const LoopDevice&) = delete;
    ~LoopDevice() {
        if (ready() && std::system(("losetup -d " + said_).c_str()) != 0) std::perror("losetup");
    }
    bool ready() const { return said_.starts_with("/dev/"); }
    const std::string& said() const { return said_; }  // the device, or what is in the way

  private:
    std::string said_;
};

TEST_F(OpenDiskTest, LearnsAboutALoopDevice) {
    const std::string file = scratch.file("d", 1 << 20);
    const LoopDevice device("--sector-size 4096", file);
    if (!device.ready()) GTEST_SKIP() << "no loop device: " << device.said();
    const auto disk = OpenDisk::open(device.said(), Access::overwrite);
    ASSERT_TRUE(disk.has_value());
    const DiskFacts& facts = (*disk)->facts();
    EXPECT_TRUE(facts.block_device);
    EXPECT_TRUE(facts.direct);
    EXPECT_EQ(facts.bytes, std::uint64_t{1} << 20);
    EXPECT_EQ(facts.logical_block_size, 4096U);
    EXPECT_NE(facts.write_cache, WriteCache::unknown);
    EXPECT_TRUE(facts.fua.has_value());
    EXPECT_TRUE(same(device.said(), file)) << "a loop device is the file behind it";
}

TEST_F(OpenDiskTest, BothBackendsReachALoopDeviceOf4096ByteSectors) {
    const LoopDevice device("--direct-io=on --sector-size 4096", scratch.file("d", 1 << 20));
    if (!device.ready()) GTEST_SKIP() << "no loop device: " << device.said();
    for (const Backend backend : backends()) {
        Rig rig(backend);
        Disk& disk = rig.add(device.said(), 4096);
        Answer visit;
        rig.visit(disk, {2, 1}, {0, 8}, std::byte{5}, visit);
        EXPECT_EQ(visit.error, 0);
        EXPECT_EQ(visit.in[2 * 4096], std::byte{5});
    }
}

TEST_F(OpenDiskTest, SaysThatADeviceIsReadOnly) {
    const LoopDevice device("--read-only", scratch.file("d", 1 << 20));
    if (!device.ready()) GTEST_SKIP() << "no loop device: " << device.said();
    const Error error = refusal(device.said());
    EXPECT_EQ(error.code, Code::permission);
    EXPECT_NE(error.sentence.find("read-only"), std::string::npos) << error.sentence;
}

}  // namespace
}  // namespace diskpaxos::io
