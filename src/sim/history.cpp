#include "sim/history.hpp"

#include <fmt/format.h>

#include "base/check.hpp"

namespace diskpaxos::sim {

std::size_t History::begin(Operation operation) {
    operation.start = clock_++;
    operations_.push_back(operation);
    return operations_.size() - 1;
}

void History::end(std::size_t number, Operation::Fate fate, std::optional<bool> applied,
                  std::optional<Content> seen) {
    Operation& operation = operations_[number];
    CHECK(operation.fate == Operation::Fate::open);
    operation.end = clock_++;
    operation.fate = fate;
    operation.applied = applied;
    operation.seen = seen;
}

void History::saw_along(std::size_t number, Content seen) {
    Operation read = operations_[number];
    read.kind = Operation::Kind::get;
    read.applied = false;
    read.seen = seen;
    operations_.push_back(read);
}

std::optional<Content> execute(const Operation& operation, Content before) {
    Content after = before;
    bool applied = false;
    switch (operation.kind) {
        case Operation::Kind::get: break;
        case Operation::Kind::add:
            applied = true;
            after.value += operation.argument;
            break;
        case Operation::Kind::swap:
            applied = before.version == operation.expected;
            if (applied) after.value = operation.argument;
            break;
        case Operation::Kind::propose:
            applied = before.version == 0;
            if (applied) after.value = operation.argument;
            break;
    }
    if (applied) ++after.version;
    if (operation.applied && *operation.applied != applied) return std::nullopt;
    if (operation.seen && *operation.seen != after) return std::nullopt;
    return after;
}

std::string describe(const Operation& op) {
    static constexpr const char* kinds[] = {"get", "add", "swap", "propose"};
    static constexpr const char* fates[] = {"open", "happened", "never"};
    std::string text = fmt::format("[{}, {}] p{} {}", op.start,
                                   op.fate == Operation::Fate::open ? "…" : fmt::to_string(op.end),
                                   op.process, kinds[static_cast<int>(op.kind)]);
    if (op.kind != Operation::Kind::get) text += fmt::format(" {}", op.argument);
    if (op.kind == Operation::Kind::swap) text += fmt::format(" at {}", op.expected);
    text += fmt::format(": {}", fates[static_cast<int>(op.fate)]);
    if (op.applied) text += *op.applied ? ", applied" : ", not applied";
    if (op.seen) text += fmt::format(", saw {} = {}", op.seen->version, op.seen->value);
    return text;
}

}  // namespace diskpaxos::sim
