// Disks that hang, err, lie and come back, under the command and under the library.
#include <algorithm>
#include <chrono>
#include <thread>

#include "crew.hpp"
#include "doubts.hpp"
#include "each_world.hpp"
#include "fault_disks.hpp"

namespace diskpaxos {
namespace {

using namespace std::chrono_literals;

constexpr Geometry geometry{.slots = 16, .ring = 2, .cells = 16, .tier = usual_tier};

class FaultTest : public testing::TestWithParam<io::Backend> {
  protected:
    void SetUp() override {
        if (!faulty.ready()) GTEST_SKIP() << faulty.problem();
        Words words = {"format", "--force", "--cells", "16", "--slots", "16", "--ttl", "2s"};
        words.insert(words.end(), paths.begin(), paths.end());
        const Answer made = run(words, environment());
        ASSERT_EQ(made.code, 0) << made.err;
    }
    Words environment() const {
        return {GetParam() == io::Backend::uring ? "DISKPAXOS_IO=uring" : "DISKPAXOS_IO=threads"};
    }
    Answer command(Words words) { return run(on(paths, std::move(words)), environment()); }
    void heal() {
        Answer last;
        for (int pass = 0; pass < 20; ++pass) {
            last = command({"check", "--repair"});
            if (last.code == 0) return;
            forget_doubts();
            std::this_thread::sleep_for(100ms);
        }
        FAIL() << last.out << last.err;
    }

    FaultDisks faulty{3, geometry.bytes()};
    const Paths paths = {faulty.path(0), faulty.path(1), faulty.path(2)};
};
INSTANTIATE_TEST_SUITE_P(, FaultTest, testing::ValuesIn(io::backends()), io::parameter_name);

// Whatever one disk does, a majority carries on, and the count comes out right.
TEST_P(FaultTest, ADiskThatErrsAndLiesCostsNoIncrement) {
    constexpr const char* faults[] = {"error w 5",      "error r 5",   "error rw 28",
                                      "delay rw 20000", "lose 2",      "tear 0 success",
                                      "tear 0 error",   "shorten 100", "misdirect 98304"};
    Crew crew(paths, 3, environment());
    unsigned disk = 0;
    for (const char* fault : faults) {
        faulty.tell(disk, fault);
        EXPECT_TRUE(crew.more_acknowledged(6)) << fault << ": " << crew.complaints();
        faulty.tell(disk, "clear");
        heal();
        disk = (disk + 1) % 3;
    }
    crew.stop();
    EXPECT_EQ(crew.doubles(), "");
    const Answer count = command({"cell", "get", "counter"});
    ASSERT_EQ(count.code, 0) << count.err;
    EXPECT_GE(std::stoull(count.out), crew.acknowledged());
    EXPECT_LE(std::stoull(count.out), crew.acknowledged() + crew.unanswered());
    heal();
}

TEST_P(FaultTest, AMajorityThatIsLostAndComesBack) {
    ASSERT_EQ(command({"cell", "set", "x", "before"}).code, 0);
    // A process in a plain pwrite cannot even end before the disk has answered.
    const char* silent = GetParam() == io::Backend::uring ? "hang rw" : "delay rw 800000";
    for (const char* fault : {"error rw 5", silent}) {
        faulty.tell(0, fault);
        faulty.tell(2, fault);
        for (const Words& verb : {Words{"cell", "get", "x"}, Words{"cell", "set", "x", "after"},
                                  Words{"propose", "y", "mine"}}) {
            Words words = verb;
            words.insert(words.end(), {"--timeout", "0.5"});
            const Answer refused = command(words);
            EXPECT_EQ(refused.code, 69) << fault << ": " << refused.out << refused.err;
            EXPECT_NE(refused.err.find("no_quorum: "), std::string::npos) << refused.err;
        }
        for (const unsigned disk : {0U, 2U}) {
            faulty.tell(disk, "clear");
            faulty.tell(disk, "release");
        }
        const Answer back = command({"cell", "get", "x"});
        EXPECT_EQ(back.out, "before\n") << back.err;
    }
}

// The first phase is answered late; by the time the second one begins, two disks are gone.
TEST_P(FaultTest, AChangeWhoseQuorumGoesAwayBetweenItsPhasesHasAnUnknownOutcome) {
    ASSERT_EQ(command({"cell", "set", "x", "before"}).code, 0);
    const std::uint64_t written = faulty.totals(0).writes;
    for (unsigned disk = 0; disk < 3; ++disk) faulty.tell(disk, "delay w 400000");
    Command change(on(paths, {"cell", "set", "x", "after"}), environment());
    for (unsigned disk = 0; disk < 3; ++disk) {
        for (int i = 0; i < 2000 && faulty.totals(disk).writes == written; ++i) {
            std::this_thread::sleep_for(1ms);
        }
    }
    for (const unsigned disk : {0U, 2U}) faulty.tell(disk, "error w 5");
    const Answer answer = change.wait();
    EXPECT_EQ(answer.code, 69) << answer.out;
    EXPECT_NE(answer.err.find("unknown_outcome: "), std::string::npos) << answer.err;
    EXPECT_EQ(answer.out, "");

    // The next read settles it: the same for everybody from then on.
    for (unsigned disk = 0; disk < 3; ++disk) faulty.tell(disk, "clear");
    for (const unsigned disk : {0U, 2U}) faulty.tell(disk, "error w 0");
    const Answer settled = command({"cell", "get", "x"});
    EXPECT_TRUE(settled.out == "before\n" || settled.out == "after\n") << settled.err;
    for (unsigned without = 0; without < 3; ++without) {
        Words words = {
            "cell", "get", "x", "-d", paths[(without + 1) % 3], "-d", paths[(without + 2) % 3]};
        EXPECT_EQ(run(words, environment()).out, settled.out);
    }
}

// A disk that hangs costs nobody else: the others go on at their speed, and who comes new waits
// for it no longer than a moment.
TEST_P(FaultTest, AHungDiskSlowsNobodyDown) {
    format_group(paths, geometry);
    Process process(paths, {.backend = GetParam()});
    ASSERT_EQ(process.problem(), "");
    const ChangeFn f = [](const CellView& base, Draft& draft) {
        put_number(draft.value, number_in(base.value) + 1);
        draft.state = CellState::set;
        return Verdict::write;
    };
    const auto usual_time = [&] {
        std::vector<Duration> times;
        for (int i = 0; i < 200; ++i) {
            const Instant start = process.loop().now();
            Cell& cell = process.group().cell(3);
            EXPECT_TRUE(
                std::holds_alternative<Committed>(process.run(cell.change(f, process.in(10s)))));
            times.push_back(process.loop().now() - start);
        }
        std::ranges::sort(times);
        return times[times.size() / 2];
    };
    usual_time();
    const Duration healthy = usual_time();
    faulty.tell(1, "hang rw");
    const Duration hung = usual_time();
    EXPECT_LT(hung, 4 * healthy + 500us);
    RecordProperty("hung_percent_of_healthy", static_cast<int>(100 * hung / healthy));

    const Instant start = process.loop().now();
    Process fresh(paths, {.backend = GetParam()});
    EXPECT_EQ(fresh.problem(), "");
    EXPECT_LT(fresh.loop().now() - start, 3s);
    faulty.tell(1, "release");
    process.settle(3);
}

}  // namespace
}  // namespace diskpaxos
