// Eight processes count while a disk is zeroed, and another gets noise over a part of it: `check`
// names the disk, `check --repair` heals it, and the count is exact.
#include <thread>

#include "crew.hpp"
#include "each_world.hpp"

namespace diskpaxos {
namespace {

using namespace std::chrono_literals;

class DamageTest : public EachWorld {
  protected:
    Answer command(Words words) { return run(on(disks.paths(), std::move(words)), environment()); }

    // Exactly this disk is named as not sound.
    void expect_named(unsigned disk) {
        const Answer report = command({"check"});
        EXPECT_EQ(report.code, 1) << report.out << report.err;
        std::istringstream lines(report.out + report.err);
        bool named = false;
        for (std::string line; std::getline(lines, line);) {
            const bool bad = line.find("damaged") != std::string::npos ||
                             line.find("absent") != std::string::npos;
            named = named || (bad && line.find(disks.paths()[disk]) != std::string::npos);
        }
        EXPECT_TRUE(named) << report.out << report.err;
    }
    // Processes that are at work keep the slots they use from the healer; it comes back for them.
    void heal(Words more = {}) {
        const auto patience = std::chrono::steady_clock::now() + 100s;
        std::string passes;
        while (std::chrono::steady_clock::now() < patience) {
            Words words = {"check", "--repair"};
            if (const Answer looked = command({"check"}); looked.out.find("absent") != std::string::npos) {
                words.insert(words.end(), more.begin(), more.end());
            }
            const Answer repair = command(std::move(words));
            if (repair.code == 0) return;
            passes += repair.out + repair.err + "\n";
            std::this_thread::sleep_for(200ms);
        }
        FAIL() << "not healed:\n" << passes;
    }
};
constexpr RealKind kinds[] = {{DiskKind::file, io::Backend::uring},
                              {DiskKind::loop4096, io::Backend::uring},
                              {DiskKind::file, io::Backend::threads}};
INSTANTIATE_TEST_SUITE_P(, DamageTest, testing::ValuesIn(kinds), name_of_kind);

TEST_P(DamageTest, DisksAreWipedAndHealedWhileEightProcessesCount) {
    // The healer claims free slots, for which a read and a write must be done in a twentieth of the
    // TTL, in wall time: so it is not a short one, for the machine is busy with the eight.
    Words words = {"format", "--force", "--cells", "16", "--slots", "32", "--ttl", "10s"};
    words.insert(words.end(), disks.paths().begin(), disks.paths().end());
    const Answer made = run(words, environment());
    ASSERT_EQ(made.code, 0) << made.err;
    const std::uint64_t bytes = disks.geometry().bytes();
    const std::uint64_t third = bytes / 3 / 4096 * 4096;

    Crew crew(disks.paths(), 8, environment());
    ASSERT_TRUE(crew.more_acknowledged(20)) << crew.complaints();
    disks.zero(1, 0, bytes);
    EXPECT_TRUE(crew.more_acknowledged(20)) << crew.complaints();
    expect_named(1);
    heal({"--replace", "2", "--old-is-gone", "--force"});  // nothing on it says which disk it is
    disks.scramble(2, third, third);
    EXPECT_TRUE(crew.more_acknowledged(20)) << crew.complaints();
    expect_named(2);
    heal();
    EXPECT_TRUE(crew.more_acknowledged(20)) << crew.complaints();
    crew.stop();

    const Answer count = command({"cell", "get", "counter"});
    ASSERT_EQ(count.code, 0) << count.err;
    EXPECT_GE(std::stoull(count.out), crew.acknowledged());
    EXPECT_LE(std::stoull(count.out), crew.acknowledged() + crew.unanswered());
    EXPECT_EQ(crew.doubles(), "");
    const Answer sound = command({"check"});
    EXPECT_EQ(sound.code, 0) << sound.out;
}

}  // namespace
}  // namespace diskpaxos
