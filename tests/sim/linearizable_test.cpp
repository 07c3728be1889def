// The checker of histories, checked: planted violations must be found, and on small random
// histories it must agree with trying every order.
#include "sim/linearizable.hpp"

#include <gtest/gtest.h>
#include <pthread.h>

#include <algorithm>
#include <numeric>

#include "async/random.hpp"

namespace diskpaxos::sim {
namespace {

using Kind = Operation::Kind;
using Fate = Operation::Fate;

Operation told(Kind kind, std::uint64_t argument, std::uint64_t start, std::uint64_t end,
               bool applied, Content seen) {
    Operation operation;
    operation.kind = kind;
    operation.argument = argument;
    operation.start = start;
    operation.end = end;
    operation.fate = Fate::happened;
    operation.applied = applied;
    operation.seen = seen;
    return operation;
}

Operation open(Kind kind, std::uint64_t argument, std::uint64_t start) {
    Operation operation;
    operation.kind = kind;
    operation.argument = argument;
    operation.start = start;
    return operation;
}

TEST(Linearizable, EmptyHistoryIs) { EXPECT_TRUE(linearizable({})); }

TEST(Linearizable, LostUpdateIsFound) {  // both saw version 1 as their own
    const std::vector<Operation> history{told(Kind::add, 1, 0, 2, true, {1, 1}),
                                         told(Kind::add, 1, 1, 3, true, {1, 1})};
    EXPECT_FALSE(linearizable(history));
}

TEST(Linearizable, StaleReadIsFoundUnlessItOverlaps) {
    std::vector<Operation> history{told(Kind::add, 5, 0, 1, true, {1, 5}),
                                   told(Kind::get, 0, 2, 3, false, {0, 0})};
    EXPECT_FALSE(linearizable(history));
    history[1].start = 0;
    EXPECT_TRUE(linearizable(history));
}

TEST(Linearizable, ReadsThatGoBackAreFound) {
    const std::vector<Operation> history{open(Kind::add, 5, 0),
                                         told(Kind::get, 0, 1, 2, false, {1, 5}),
                                         told(Kind::get, 0, 3, 4, false, {0, 0})};
    EXPECT_FALSE(linearizable(history));
}

TEST(Linearizable, UnknownOutcomeMayBeAnything) {
    for (const Content seen : {Content{0, 0}, Content{1, 5}}) {
        const std::vector<Operation> history{open(Kind::add, 5, 0),
                                             told(Kind::get, 0, 1, 2, false, seen)};
        EXPECT_TRUE(linearizable(history));
    }
}

TEST(Linearizable, NeverIsFinal) {  // P6
    std::vector<Operation> history{open(Kind::add, 5, 0),
                                   told(Kind::get, 0, 1, 2, false, {1, 5})};
    history[0].fate = Fate::never;
    EXPECT_FALSE(linearizable(history));
}

TEST(Linearizable, AppliedTwiceIsFound) {
    const std::vector<Operation> history{told(Kind::add, 5, 0, 1, true, {1, 5}),
                                         told(Kind::get, 0, 2, 3, false, {2, 10})};
    EXPECT_FALSE(linearizable(history));
}

TEST(Linearizable, TwoDecisionsAreFound) {
    std::vector<Operation> history{told(Kind::propose, 7, 0, 2, true, {1, 7}),
                                   told(Kind::propose, 8, 1, 3, true, {1, 8})};
    EXPECT_FALSE(linearizable(history));
    history[1].applied = false;
    history[1].seen = Content{1, 7};
    EXPECT_TRUE(linearizable(history));
}

TEST(Linearizable, RefusedConditionMustHaveBeenUnmet) {
    Operation swap = told(Kind::swap, 9, 2, 3, false, {1, 5});
    swap.expected = 1;  // it was met, and yet nothing happened
    const std::vector<Operation> history{told(Kind::add, 5, 0, 1, true, {1, 5}), swap};
    EXPECT_FALSE(linearizable(history));
}

// Every order, every choice of which open operations happened.
bool by_brute_force(const std::vector<Operation>& operations) {
    std::vector<std::size_t> order(operations.size());
    std::iota(order.begin(), order.end(), 0);
    const auto fits = [&](std::uint32_t chosen) {
        Content content;
        std::vector<std::size_t> past;
        for (const std::size_t i : order) {
            if ((chosen >> i & 1U) == 0) continue;
            for (const std::size_t earlier : past) {  // whoever ended before another began, precedes
                if (operations[i].end < operations[earlier].start) return false;
            }
            const auto after = execute(operations[i], content);
            if (!after) return false;
            content = *after;
            past.push_back(i);
        }
        return true;
    };
    do {
        for (std::uint32_t chosen = 0; chosen < 1U << operations.size(); ++chosen) {
            bool sound = true;
            for (std::size_t i = 0; i < operations.size(); ++i) {
                const bool in = (chosen >> i & 1U) != 0;
                sound &= operations[i].fate == Fate::open || in == (operations[i].fate == Fate::happened);
            }
            if (sound && fits(chosen)) return true;
        }
    } while (std::ranges::next_permutation(order).found);
    return false;
}

// A history that some register might have told, most of the time nearly true.
std::vector<Operation> random_history(Random& random) {
    std::vector<std::uint64_t> instants;
    const std::size_t count = 1 + random.below(5);
    for (std::size_t i = 0; i < 2 * count; ++i) instants.push_back(i);
    for (std::size_t i = instants.size() - 1; i > 0; --i) {
        std::swap(instants[i], instants[random.below(i + 1)]);
    }
    std::vector<Operation> history;
    for (std::size_t i = 0; i < count; ++i) {
        Operation op;
        op.kind = static_cast<Kind>(random.below(4));
        op.argument = 1 + random.below(2);
        op.expected = random.below(3);
        op.start = std::min(instants[2 * i], instants[2 * i + 1]);
        if (!random.one_in(4)) {
            op.end = std::max(instants[2 * i], instants[2 * i + 1]);
            op.fate = random.one_in(6) ? Fate::never : Fate::happened;
        }
        history.push_back(op);
    }
    Content content;  // what would have been told, had they run in this order
    for (Operation& op : history) {
        if (op.fate == Fate::never || (op.fate == Fate::open && random.one_in(2))) continue;
        const Content before = content;
        content = *execute(op, before);
        if (op.fate != Fate::happened) continue;
        op.applied = content.version != before.version;
        if (!random.one_in(4)) op.seen = content;
        if (random.one_in(12)) op.seen = Content{random.below(3), random.below(4)};
    }
    return history;
}

bool linearizable_on_a_small_stack(const std::vector<Operation>& history) {
    struct Question {
        const std::vector<Operation>& history;
        bool answer;
    } question{history, false};
    const auto ask = [](void* of) -> void* {
        auto& asked = *static_cast<Question*>(of);
        asked.answer = linearizable(asked.history);
        return nullptr;
    };
    pthread_attr_t small;
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, std::size_t{256} << 10);
    pthread_t thread{};
    EXPECT_EQ(pthread_create(&thread, &small, ask, &question), 0);
    EXPECT_EQ(pthread_join(thread, nullptr), 0);
    pthread_attr_destroy(&small);
    return question.answer;
}

// As a show of some minutes tells it: a frame for each operation would be too many.
TEST(Linearizable, ALongHistoryNeedsNoDeepStack) {
    constexpr std::uint64_t changes = 12'000;
    std::vector<Operation> history;
    for (std::uint64_t i = 0; i < changes; ++i) {  // each begins before the one before it has ended
        history.push_back(told(Kind::add, 1, 2 * i, 2 * i + 3, true, {i + 1, i + 1}));
    }
    EXPECT_TRUE(linearizable_on_a_small_stack(history));
    std::swap(history[changes / 2].seen, history[changes / 2 + 9].seen);
    EXPECT_FALSE(linearizable_on_a_small_stack(history));
}

TEST(Linearizable, AgreesWithTryingEveryOrder) {
    SeededRandom random(2);
    int accepted = 0;
    constexpr int rounds = 4000;
    for (int round = 0; round < rounds; ++round) {
        const std::vector<Operation> history = random_history(random);
        const bool expected = by_brute_force(history);
        ASSERT_EQ(linearizable(history), expected) << "round " << round;
        accepted += expected;
    }
    EXPECT_GT(accepted, rounds / 5);  // both verdicts were common
    EXPECT_LT(accepted, rounds * 4 / 5);
}

}  // namespace
}  // namespace diskpaxos::sim
