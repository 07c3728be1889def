#include "scale/judgement.hpp"

#include <algorithm>

#include "sim/linearizable.hpp"

namespace diskpaxos::scale {

namespace {

using Kind = sim::Operation::Kind;
using Fate = sim::Operation::Fate;
using History = std::vector<sim::Operation>;

// Whoever was killed, or was told that nobody knows, may still happen.
sim::Operation as_told(const Note& note) {
    sim::Operation operation = note.operation;
    if (note.ended && operation.fate != Fate::open) return operation;
    operation.end = ~std::uint64_t{0};
    operation.fate = Fate::open;
    operation.applied.reset();
    operation.seen.reset();
    return operation;
}

struct Bounds {  // of what a name can hold in the end
    std::uint64_t least = 0;
    std::uint64_t most = 0;
    bool allow(std::uint64_t value) const { return least <= value && value <= most; }
};

// What was acknowledged has happened once; what is unknown once, or not at all.
bool sums_are_right(const History& history, const sim::Content& last, bool counter) {
    Bounds versions;
    Bounds sums;
    for (const sim::Operation& operation : history) {
        if (operation.kind == Kind::get || operation.fate == Fate::never) continue;
        const bool unknown = operation.fate == Fate::open;
        if (!unknown && !operation.applied.value_or(false)) continue;
        versions.least += !unknown;
        versions.most += 1;
        sums.least += unknown ? 0 : operation.argument;
        sums.most += operation.argument;
    }
    return versions.allow(last.version) && (!counter || sums.allow(last.value));
}

// An answer that nobody can have been given.
bool refuses_a_lie(History history) {
    for (sim::Operation& operation : history) {
        if (!operation.seen || operation.seen->version == 0) continue;
        operation.seen->value += 1;
        return !sim::linearizable(history);
    }
    return true;
}

void measure(Judgement& judgement, const sim::Operation& operation) {
    const double ms = static_cast<double>(operation.end - operation.start) / 1e6;
    ++judgement.operations;
    if (operation.kind == Kind::get) {
        judgement.gets.push_back(ms);
    } else {
        judgement.changes_took.push_back(ms);
        judgement.changes += operation.applied.value_or(false);
    }
}

}  // namespace

Judgement judge(const Notes& notes, const Order& order) {
    Judgement judgement;
    std::vector<History> histories(order.names);
    const std::size_t clients = notes.all().size() - order.names;
    for (const Note& note : notes.all().first(clients)) {
        if (!note.begun) continue;
        const sim::Operation operation = as_told(note);
        histories[note.name].push_back(operation);
        if (operation.fate == Fate::happened) measure(judgement, operation);
        if (operation.fate == Fate::never) ++judgement.undecided;
        if (operation.fate == Fate::open && operation.kind != Kind::get) {
            ++(note.ended ? judgement.unknown : judgement.cut_off);
        }
    }
    judgement.checker_has_teeth = true;
    for (unsigned name = 0; name < order.names; ++name) {
        const Note& last = notes.last(order)[name];
        History& history = histories[name];
        if (history.empty()) continue;
        ++judgement.histories;
        judgement.longest = std::max(judgement.longest, static_cast<unsigned>(history.size()));
        if (!last.operation.seen ||
            !sums_are_right(history, *last.operation.seen, is_counter(name))) {
            ++judgement.wrong_sums;
            continue;
        }
        judgement.versions += last.operation.seen->version;
        history.push_back(last.operation);
        judgement.not_linearizable += !sim::linearizable(history);
        if (name < hot_names) judgement.checker_has_teeth &= refuses_a_lie(history);
    }
    std::ranges::sort(judgement.gets);
    std::ranges::sort(judgement.changes_took);
    return judgement;
}

}  // namespace diskpaxos::scale
