#include "judge.hpp"

#include <fmt/format.h>

#include <limits>
#include <vector>

namespace diskpaxos::exhaustive {

namespace {

struct Operation {
    Act act{};
    std::uint8_t amount = 0;
    std::size_t invoked = 0;
    std::size_t returned = std::numeric_limits<std::size_t>::max();
    Outcome outcome{Outcome::Kind::unsure, 0};
    std::uint8_t number = 0;
    bool certain() const { return outcome.kind != Outcome::Kind::unsure; }
};

std::vector<Operation> operations(std::span<const Moment> history) {
    std::vector<Operation> all;
    for (std::size_t at = 0; at < history.size(); ++at) {
        const Moment& moment = history[at];
        if (moment.kind == Moment::Kind::invoked) {
            all.push_back({.act = moment.act,
                           .amount = moment.amount,
                           .invoked = at,
                           .number = moment.operation});
            continue;
        }
        for (Operation& operation : all) {
            if (operation.number != moment.operation) continue;
            if (moment.outcome.kind != Outcome::Kind::unsure) operation.returned = at;
            operation.outcome = moment.outcome;
        }
    }
    // Of these it was said that they had no effect.
    std::erase_if(all, [](const Operation& operation) {
        return operation.outcome.kind == Outcome::Kind::nothing;
    });
    return all;
}

// Whether `operation`, applied to `value`, answers what it answered; then value is its successor.
bool fits(const Operation& operation, unsigned& value) {
    const Outcome& outcome = operation.outcome;
    const bool raises =
        operation.act == Act::increment || (operation.act == Act::raise_first && value == 0);
    switch (outcome.kind) {
        case Outcome::Kind::unsure:
            value += raises ? operation.amount : 0;
            return true;
        case Outcome::Kind::got:
            return outcome.value == value;
        case Outcome::Kind::unmet:
            return !raises && outcome.value == value;
        case Outcome::Kind::increased:
            if (!raises) return false;
            value += operation.amount;
            return outcome.value == 0 || outcome.value == value;
        case Outcome::Kind::nothing:
        case Outcome::Kind::decided:
            return false;
    }
    UNREACHABLE();
}

// Wing and Gong: some operation that nothing pending had to precede comes first.
bool linearizable(const std::vector<Operation>& all, std::uint32_t left, unsigned value) {
    bool certain_left = false;
    std::size_t first_return = std::numeric_limits<std::size_t>::max();
    for (std::size_t i = 0; i < all.size(); ++i) {
        if ((left >> i & 1U) == 0) continue;
        certain_left = certain_left || all[i].certain();
        first_return = std::min(first_return, all[i].returned);
    }
    if (!certain_left) return true;
    for (std::size_t i = 0; i < all.size(); ++i) {
        if ((left >> i & 1U) == 0 || all[i].invoked > first_return) continue;
        unsigned next = value;
        if (fits(all[i], next) && linearizable(all, left & ~(1U << i), next)) return true;
    }
    return false;
}

}  // namespace

std::string objection(std::span<const Moment> history) {
    std::uint8_t decided = 0;
    for (const Moment& moment : history) {
        if (moment.outcome.kind != Outcome::Kind::decided) continue;
        if (moment.outcome.value == 0) return "a value was decided that nobody proposed";
        if (decided != 0 && decided != moment.outcome.value) {
            return fmt::format("two values were decided: {} and {}", decided, moment.outcome.value);
        }
        decided = moment.outcome.value;
    }
    if (decided != 0) return "";
    const std::vector<Operation> all = operations(history);
    if (linearizable(all, (1U << all.size()) - 1, 0)) return "";
    return "the history of the operations is not linearizable";
}

}  // namespace diskpaxos::exhaustive
