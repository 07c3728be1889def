#include "group/directory.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/crc32c.hpp"

namespace diskpaxos {

Result<void> Directory::check_name(std::string_view name) {
    if (name.empty()) return std::unexpected(Error{Code::usage, "the name is empty"});
    if (name.size() > max_name) {
        return std::unexpected(Error{
            Code::usage, fmt::format("the name has {} bytes; at most {} are possible", name.size(),
                                     max_name)});
    }
    if (name.front() == '@') {
        return std::unexpected(
            Error{Code::usage, "names that begin with \"@\" belong to diskpaxos itself"});
    }
    const bool control = std::ranges::any_of(
        name, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
    if (control) {
        return std::unexpected(Error{Code::usage, "the name has a control character in it"});
    }
    return {};
}

std::size_t Directory::capacity(std::string_view name) const {
    return group_.format().capacity() - name.size();
}

std::uint32_t Directory::probe(std::string_view name, std::uint32_t step, std::uint32_t cells) {
    const std::uint64_t home = crc32c(as_bytes(name));
    return static_cast<std::uint32_t>((home + step) % cells);
}

std::uint32_t Directory::probe(std::string_view name, std::uint32_t step) const {
    return probe(name, step, group_.geometry().cells);
}

Directory::Whose Directory::whose(const CellView& view, std::string_view name) {
    if (view.name.empty()) return Whose::nobodys;
    return view.name == name ? Whose::ours : Whose::others;
}

Task<Result<Named>> Directory::get(std::string name, Instant deadline) {
    if (!group_.lets(Right::read, name)) {
        co_return std::unexpected(group_.permission(Right::read, name));
    }
    const std::uint32_t cells = group_.geometry().cells;
    const auto known = known_.find(name);
    for (std::uint32_t step = 0; step < cells; ++step) {
        const std::uint32_t number = known != known_.end() ? known->second : probe(name, step);
        Cell& cell = group_.cell(number);
        const GetOutcome outcome = co_await cell.get(deadline);
        if (const auto* undecided = std::get_if<Undecided>(&outcome)) {
            if (group_.forbidden(cell)) {  // it belongs to a name that is not for us
                if (known == known_.end()) continue;
                co_return std::unexpected(group_.permission(Right::read, name));
            }
            co_return std::unexpected(group_.no_quorum(cell, undecided->why));
        }
        if (std::holds_alternative<Usurped>(outcome)) co_return std::unexpected(group_.usurped());
        if (std::holds_alternative<Damaged>(outcome)) {
            co_return std::unexpected(group_.damaged(number));
        }
        const CellView view = cell.view();
        const Whose owner = whose(view, name);
        if (owner == Whose::others) continue;
        Named result;
        if (owner == Whose::ours) {
            known_.try_emplace(name, number);
            result.version = view.version;
            result.state = view.state;
            result.value.assign(view.value.begin(), view.value.end());
        }
        co_return result;
    }
    co_return Named();  // every cell belongs to another name: this one is unset
}

Task<Result<Named>> Directory::look(std::string name, Instant deadline) {
    if (!group_.lets(Right::read, name)) {
        co_return std::unexpected(group_.permission(Right::read, name));
    }
    const std::uint32_t cells = group_.geometry().cells;
    const auto known = known_.find(name);
    for (std::uint32_t step = 0; step < cells; ++step) {
        const std::uint32_t number = known != known_.end() ? known->second : probe(name, step);
        Cell& cell = group_.cell(number);
        const LookOutcome outcome = co_await cell.glance(deadline);
        if (std::holds_alternative<Unavailable>(outcome)) {
            if (group_.forbidden(cell)) {
                if (known == known_.end()) continue;
                co_return std::unexpected(group_.permission(Right::read, name));
            }
            co_return std::unexpected(group_.no_quorum(cell));
        }
        if (!cell.hint_valid()) co_return std::unexpected(group_.damaged(number));
        Named result;
        result.exact = std::get<Certainty>(outcome) == Certainty::committed;
        const CellView view = cell.hint();
        if (whose(view, name) == Whose::others) {
            if (result.exact) continue;
            const Result<Whose> sure = co_await glance(cell, number, name, deadline);
            if (!sure) co_return std::unexpected(sure.error());
            if (*sure == Whose::others) continue;
            co_return result;  // in motion: nobody's yet, for all that is committed
        }
        if (whose(view, name) == Whose::ours) {
            if (result.exact) known_.try_emplace(name, number);
            result.version = view.version;
            result.state = view.state;
            result.value.assign(view.value.begin(), view.value.end());
        }
        co_return result;
    }
    co_return Named();
}

// What changes before this begins is not missed: the disks compare with what was seen last.
Task<void> Directory::await_change(std::string name, Instant deadline) {
    if (!tells(name)) {
        co_await group_.world().clock.sleep_until(deadline);
        co_return;
    }
    co_await group_.cell(known_.at(name)).await_change(deadline);
}

Task<Result<Named>> Directory::change(std::string name, const ChangeFn& f, Instant deadline,
                                      Repeat repeat) {
    if (!group_.lets(Right::write, name)) {
        co_return std::unexpected(group_.permission(Right::write, name));
    }
    const std::uint32_t cells = group_.geometry().cells;
    const auto known = known_.find(name);
    for (std::uint32_t step = 0; step < cells; ++step) {
        const std::uint32_t number = known != known_.end() ? known->second : probe(name, step);
        Cell& cell = group_.cell(number);
        if (known == known_.end()) {
            const Result<Whose> owner = co_await glance(cell, number, name, deadline);
            if (!owner) co_return std::unexpected(owner.error());
            if (*owner == Whose::others) continue;
        }
        Whose base_owner = Whose::nobodys;  // as the last attempt found it
        const ChangeFn claim_and_change = [&](const CellView& base, Draft& draft) {
            base_owner = whose(base, name);
            if (base_owner == Whose::others) return Verdict::keep;
            draft.name = name;
            return f(base, draft);
        };
        const ChangeOutcome outcome = co_await cell.change(claim_and_change, deadline, repeat);
        const auto* done = std::get_if<Committed>(&outcome);
        if (done != nullptr && !done->applied && base_owner == Whose::others) continue;
        const Result<Named> result = named(outcome, cell, number, name);
        if (result && result->state != CellState::unset) known_.try_emplace(name, number);
        co_return result;
    }
    co_return std::unexpected(full());
}

// Whether it is worth trying to change this cell. "Others" is certain, since a name in a committed
// record stays there for ever; the rest is a hint that the change itself verifies.
Task<Result<Directory::Whose>> Directory::glance(Cell& cell, std::uint32_t number,
                                                 std::string name, Instant deadline) {
    const LookOutcome first = co_await cell.glance(deadline);
    if (std::holds_alternative<Unavailable>(first)) {
        if (group_.forbidden(cell)) co_return Whose::others;
        co_return std::unexpected(group_.no_quorum(cell));
    }
    if (!cell.hint_valid()) co_return std::unexpected(group_.damaged(number));
    const Whose hint = whose(cell.hint(), name);
    if (hint != Whose::others || std::get<Certainty>(first) == Certainty::committed) co_return hint;
    const GetOutcome sure = co_await cell.get(deadline);
    if (!std::holds_alternative<Committed>(sure)) {
        const auto* undecided = std::get_if<Undecided>(&sure);
        const Cause why = undecided != nullptr ? undecided->why : Cause::disks;
        co_return std::unexpected(group_.no_quorum(cell, why));
    }
    co_return whose(cell.view(), name);
}

Result<Named> Directory::named(const ChangeOutcome& outcome, Cell& cell, std::uint32_t number,
                               std::string_view name) const {
    if (const auto* undecided = std::get_if<Undecided>(&outcome)) {
        if (group_.forbidden(cell)) return std::unexpected(group_.permission(Right::write, name));
        return std::unexpected(group_.no_quorum(cell, undecided->why));
    }
    if (const auto* unsettled = std::get_if<Unsettled>(&outcome)) {
        return std::unexpected(group_.unsettled(cell, unsettled->why));
    }
    if (std::holds_alternative<Usurped>(outcome)) return std::unexpected(group_.usurped());
    if (std::holds_alternative<Damaged>(outcome)) return std::unexpected(group_.damaged(number));
    if (const auto* too_long = std::get_if<TooLong>(&outcome)) {
        return std::unexpected(Error{
            Code::usage, fmt::format("the value is too long: under this name at most {} bytes fit",
                                     too_long->capacity - name.size())});
    }
    const auto& committed = std::get<Committed>(outcome);
    const CellView view = committed.exact ? cell.result() : cell.view();
    Named result;
    result.version = view.version;
    result.state = view.state;
    result.value.assign(view.value.begin(), view.value.end());
    result.applied = committed.applied;
    result.exact = committed.exact;
    result.perhaps = committed.perhaps;
    return result;
}

Error Directory::full() const {
    return {Code::full,
            fmt::format("all {} cells of group {} belong to other names (deleted names keep theirs); "
                        "make a group with more cells",
                        group_.geometry().cells, group_.roster().common.name)};
}

}  // namespace diskpaxos
