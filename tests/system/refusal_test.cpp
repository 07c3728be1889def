// Disks that do not belong together, one disk under two names, and a format that is interrupted.
#include <csignal>
#include <filesystem>
#include <thread>

#include "command.hpp"
#include "each_world.hpp"
#include "fault_disks.hpp"

namespace diskpaxos {
namespace {

using namespace std::chrono_literals;

Words format(const Paths& paths, Words options = {"--cells", "16", "--slots", "16"}) {
    Words words = {"format", "--force"};
    words.insert(words.end(), options.begin(), options.end());
    words.insert(words.end(), paths.begin(), paths.end());
    return words;
}

void expect_refused(const Words& words, int code, const std::string& says) {
    const Answer answer = run(words);
    EXPECT_EQ(answer.code, code) << answer.out << answer.err;
    EXPECT_NE(answer.err.find(says), std::string::npos) << answer.err;
}

constexpr Geometry small{.slots = 16, .ring = 2, .cells = 16, .tier = usual_tier};

TEST(RefusalTest, OneDiskUnderTwoNames) {
    TestDisks disks(DiskKind::file, small);
    const Paths& paths = disks.paths();
    ASSERT_EQ(run(format(paths)).code, 0);
    const std::filesystem::path folder = std::filesystem::path(paths[0]).parent_path();
    std::filesystem::create_hard_link(paths[0], folder / "hard.img");
    std::filesystem::create_symlink(paths[0], folder / "soft.img");
    const LoopDevice loop(paths[0], 512);
    Paths others = {folder / "hard.img", folder / "soft.img"};
    if (loop.problem().empty()) others.push_back(loop.path());
    for (const std::string& other : others) {
        const Answer once = run(on({paths[0], other, paths[1]}, {"cell", "get", "x"}));
        EXPECT_EQ(once.code, 0) << once.err;  // it counts once, and the two are a majority
        EXPECT_NE(once.err.find("same disk"), std::string::npos) << once.err;
        expect_refused(on({paths[0], other}, {"cell", "get", "x"}), 64, "same disk");
        expect_refused(format({paths[0], other, paths[1]}), 64, "same disk");
    }
    EXPECT_EQ(run(on(paths, {"check"})).code, 0) << "nothing was written";
    if (!loop.problem().empty()) GTEST_SKIP() << "without a loop device: " << loop.problem();
}

class ForeignDiskTest : public testing::TestWithParam<DiskKind> {};
INSTANTIATE_TEST_SUITE_P(, ForeignDiskTest,
                         testing::Values(DiskKind::file, DiskKind::loop512, DiskKind::loop4096),
                         [](const auto& kind) { return name_of(kind.param); });

TEST_P(ForeignDiskTest, ADiskOfAnotherGroupIsNeverUsed) {
    TestDisks ours(GetParam(), small);
    TestDisks theirs(GetParam(), small);
    if (!(ours.problem() + theirs.problem()).empty())
        GTEST_SKIP() << ours.problem() + theirs.problem();
    ASSERT_EQ(run(format(ours.paths())).code, 0);
    ASSERT_EQ(run(format(theirs.paths())).code, 0);
    ASSERT_EQ(run(on(ours.paths(), {"cell", "set", "x", "ours"})).code, 0);
    const Paths mixed = {ours.paths()[0], ours.paths()[1], theirs.paths()[2]};
    const Answer two = run(on(mixed, {"cell", "set", "x", "two of ours"}));
    EXPECT_EQ(two.code, 0) << two.err;
    EXPECT_NE(two.err.find("belongs to group"), std::string::npos) << two.err;
    const Paths torn = {ours.paths()[0], theirs.paths()[2]};
    expect_refused(on(torn, {"cell", "get", "x"}), 65, "belongs to group");
    EXPECT_EQ(run(on(ours.paths(), {"cell", "get", "x"})).out, "two of ours\n");
    EXPECT_EQ(run(on(theirs.paths(), {"check"})).code, 0);
}

TEST(InterruptedFormatTest, LeavesNoGroup) {
    constexpr Geometry geometry{.slots = 32, .ring = 2, .cells = 512, .tier = usual_tier};
    const FaultDisks faulty(3, geometry.bytes());
    if (!faulty.ready()) GTEST_SKIP() << faulty.problem();
    const Paths paths = {faulty.path(0), faulty.path(1), faulty.path(2)};
    const Words words = format(paths, {"--cells", "512", "--slots", "32"});
    ASSERT_EQ(run(words).code, 0);  // an old group is what must not come back, either
    for (unsigned disk = 0; disk < 3; ++disk) faulty.tell(disk, "delay w 30000");
    for (const unsigned writes : {2U, 12U}) {  // early, and late
        const std::uint64_t before = faulty.totals(0).writes;
        Command going(words);
        for (int i = 0; i < 5000 && faulty.totals(0).writes < before + writes; ++i) {
            std::this_thread::sleep_for(1ms);
        }
        going.signal(SIGINT);
        const Answer answer = going.wait();
        EXPECT_EQ(answer.code, 128 + SIGINT) << answer.err;
        EXPECT_NE(answer.err.find("interrupted: "), std::string::npos) << answer.err;
        expect_refused(on(paths, {"cell", "get", "x"}), 65, "bad_data: ");
    }
    for (unsigned disk = 0; disk < 3; ++disk) faulty.tell(disk, "clear");
    EXPECT_EQ(run(words).code, 0);
    EXPECT_EQ(run(on(paths, {"check"})).code, 0);
}

}  // namespace
}  // namespace diskpaxos
