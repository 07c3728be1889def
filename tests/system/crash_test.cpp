// kill -9 at random moments of many increments: each acknowledged one counts once, each other one
// at most once.
#include <array>
#include <atomic>
#include <memory>
#include <thread>

#include "child.hpp"
#include "crew.hpp"
#include "each_world.hpp"
#include "io/os_random.hpp"

namespace diskpaxos {
namespace {

using namespace std::chrono_literals;

constexpr unsigned workers = 4;
constexpr unsigned kills = 30;

struct Account {
    std::atomic<std::uint64_t> begun = 0;
    std::atomic<std::uint64_t> acknowledged = 0;
    std::atomic<std::uint64_t> refused_to_join = 0;
};

Verdict add_one(const CellView& base, Draft& draft) {
    put_number(draft.value, number_in(base.value) + 1);
    draft.state = CellState::set;
    return Verdict::write;
}

void increment_for_ever(const Paths& paths, const Process::Wish& wish, Account& account) {
    Process process(paths, wish);
    if (!process.problem().empty()) {
        ++account.refused_to_join;
        return;
    }
    const ChangeFn f = add_one;
    for (;;) {
        ++account.begun;
        const ChangeOutcome outcome =
            process.run(process.group().cell(3).change(f, process.in(10s)));
        if (std::holds_alternative<Committed>(outcome)) ++account.acknowledged;
    }
}

class CrashTest : public EachWorld {};
INSTANTIATE_TEST_SUITE_P(, CrashTest, testing::ValuesIn(every_kind), name_of_kind);

TEST_P(CrashTest, KilledProcessesLoseAndDoubleNothing) {
    format_group(disks.paths(), disks.geometry(), 2000);
    const Shared<Account> account;
    const auto begin = [&] {
        return std::make_unique<Child>(
            [&] { increment_for_ever(disks.paths(), wish(), *account); });
    };
    std::array<std::unique_ptr<Child>, workers> children;
    for (auto& child : children) child = begin();
    io::OsRandom random;
    for (unsigned i = 0; i < kills; ++i) {
        std::this_thread::sleep_for(std::chrono::milliseconds(random.below(40)));
        auto& victim = children[random.below(workers)];
        victim->kill();
        victim = begin();
    }
    for (int i = 0; i < 1000 && account->acknowledged < 200; ++i) std::this_thread::sleep_for(10ms);
    for (auto& child : children) child->kill();

    Process reader(disks.paths(), wish());
    ASSERT_EQ(reader.problem(), "");
    Cell& cell = reader.group().cell(3);
    const GetOutcome outcome = reader.run(cell.get(reader.in(10s)));
    ASSERT_TRUE(std::holds_alternative<Committed>(outcome));
    const std::uint64_t count = number_in(cell.view().value);
    EXPECT_EQ(cell.view().version, count);
    EXPECT_GE(count, account->acknowledged);
    EXPECT_LE(count, account->begun);
    EXPECT_GE(account->acknowledged, 200U);
    EXPECT_EQ(account->refused_to_join, 0U);
}

// The same with the binary: it may be killed while it joins, too.
TEST_P(CrashTest, KilledCommandsLoseAndDoubleNothing) {
    Words words = {"format", "--force", "--cells", "16", "--slots", "16", "--ttl", "2s"};
    words.insert(words.end(), disks.paths().begin(), disks.paths().end());
    const Answer made = run(words, environment());
    ASSERT_EQ(made.code, 0) << made.err;

    Crew crew(disks.paths(), 4, environment());
    io::OsRandom random;
    for (unsigned i = 0; i < 20; ++i) {
        std::this_thread::sleep_for(std::chrono::milliseconds(random.below(50)));
        crew.kill_one(static_cast<unsigned>(random.below(4)));
    }
    EXPECT_TRUE(crew.more_acknowledged(20)) << crew.complaints();
    crew.stop();
    const Answer count = run(on(disks.paths(), {"cell", "get", "counter"}), environment());
    ASSERT_EQ(count.code, 0) << count.err;
    EXPECT_GE(std::stoull(count.out), crew.acknowledged());
    EXPECT_LE(std::stoull(count.out), crew.acknowledged() + crew.unanswered());
    EXPECT_EQ(crew.doubles(), "");
    EXPECT_LE(crew.unanswered(), 20U) << "only the killed ones failed: " << crew.complaints();
    const Answer sound = run(on(disks.paths(), {"check"}), environment());
    EXPECT_EQ(sound.code, 0) << sound.out;
}

}  // namespace
}  // namespace diskpaxos
