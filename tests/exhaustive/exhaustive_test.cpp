// The table of algorithms.md 14.4 on our own code: every broken rule is caught, and by a schedule
// that breaks it again with all processes alive at once; every other row holds in its whole scope.
#include <gtest/gtest.h>

#include <cctype>
#include <cstdlib>
#include <string>

#include "judge.hpp"
#include "rows.hpp"
#include "story.hpp"

namespace diskpaxos::exhaustive {

// The list of tests shows it: without addresses, it is the same in every run.
static void PrintTo(const Row& row, std::ostream* out) {
    *out << row.name;
}

namespace {

constexpr std::size_t most_states = 60'000'000;

bool soaking() {
    return std::getenv("DISKPAXOS_SOAK") != nullptr;
}

class Exhaustive : public testing::TestWithParam<Row> {
  protected:
    void SetUp() override { active_mutant = GetParam().cluster.mutant; }
    void TearDown() override { active_mutant = Mutant::none; }
};

TEST_P(Exhaustive, IsAsTheTableSays) {
    const Row& row = GetParam();
    if (row.soak && !soaking()) GTEST_SKIP() << "takes long: set DISKPAXOS_SOAK=1";
#if defined(__SANITIZE_ADDRESS__)
    if (row.slow_sanitized && !soaking()) GTEST_SKIP() << "takes long with sanitizers";
#endif
    Search search(row.cluster);
    const Search::Result result = search.run(most_states);
    if (row.safe) {
        EXPECT_EQ(result.violation, "");
        EXPECT_TRUE(result.complete) << "not every state was reached: " << result.states;
        return;
    }
    ASSERT_NE(result.violation, "") << "not caught in " << result.states << " states";
    EXPECT_EQ(tell(search, result.schedule).ending, result.violation);
}

std::string test_name(const testing::TestParamInfo<Row>& info) {
    std::string name(info.param.name);
    for (char& letter : name) {
        if (std::isalnum(static_cast<unsigned char>(letter)) == 0) letter = '_';
    }
    return name;
}

INSTANTIATE_TEST_SUITE_P(Rows, Exhaustive, testing::ValuesIn(rows().begin(), rows().end()),
                         test_name);

// The judge itself must see planted errors.
Moment invoked(std::uint8_t operation, Act act, std::uint8_t amount) {
    return {Moment::Kind::invoked, operation, act, amount, {}};
}
Moment returned(std::uint8_t operation, Outcome::Kind kind, std::uint8_t value) {
    return {Moment::Kind::returned, operation, Act::get, 0, {kind, value}};
}

TEST(Judge, SeesALostIncrement) {
    const Moment history[] = {
        invoked(1, Act::increment, 1), returned(1, Outcome::Kind::increased, 1),
        invoked(2, Act::increment, 8), returned(2, Outcome::Kind::increased, 8)};
    EXPECT_NE(objection(history), "");
}

TEST(Judge, SeesAStaleRead) {
    const Moment history[] = {invoked(1, Act::increment, 1),
                              returned(1, Outcome::Kind::increased, 1), invoked(2, Act::get, 8),
                              returned(2, Outcome::Kind::got, 0)};
    EXPECT_NE(objection(history), "");
}

TEST(Judge, LetsAPendingOperationTakeEffectOrNot) {
    const Moment seen[] = {invoked(1, Act::increment, 1), invoked(2, Act::get, 8),
                           returned(2, Outcome::Kind::got, 1)};
    const Moment unseen[] = {invoked(1, Act::increment, 1), invoked(2, Act::get, 8),
                             returned(2, Outcome::Kind::got, 0)};
    EXPECT_EQ(objection(seen), "");
    EXPECT_EQ(objection(unseen), "");
}

TEST(Judge, SeesTwoDecisions) {
    const Moment history[] = {returned(0, Outcome::Kind::decided, 1),
                              returned(0, Outcome::Kind::decided, 2)};
    EXPECT_NE(objection(history), "");
}

}  // namespace
}  // namespace diskpaxos::exhaustive
