#include "group/values.hpp"

#include <fmt/format.h>

#include <charconv>
#include <optional>

namespace diskpaxos {

namespace {

void put(Draft& draft, CellState state, std::string_view text) {
    const ByteView bytes = as_bytes(text);
    draft.state = state;
    draft.value.assign(bytes.begin(), bytes.end());
}

// Changed by other rules than a value: a decision never, locks and sessions by src/lock.
bool is_fixed(CellState state) {
    return state == CellState::decided || state == CellState::lock || state == CellState::session;
}

void put_own(Named& result, std::uint64_t version, std::string_view text) {
    const ByteView bytes = as_bytes(text);
    result.version = version;
    result.state = CellState::set;
    result.value.assign(bytes.begin(), bytes.end());
    result.exact = true;
}

Error is_fixed(std::string_view name, CellState state) {
    if (state == CellState::decided) {
        return {Code::no,
                fmt::format("\"{}\" was decided by \"propose\" and cannot be changed", name)};
    }
    return {Code::no, fmt::format("\"{}\" is a {}, not a value", name,
                                  state == CellState::lock ? "lock" : "session")};
}

std::optional<std::int64_t> number(ByteView value) {
    const std::string_view text = as_text(value);
    std::int64_t result = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), result);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return result;
}

}  // namespace

Task<Result<Named>> propose(Directory& directory, std::string name, std::string value,
                            Instant deadline) {
    const ChangeFn decide = [&](const CellView& base, Draft& draft) {
        if (base.state != CellState::unset) return Verdict::keep;
        put(draft, CellState::decided, value);
        return Verdict::write;
    };
    Result<Named> result = co_await directory.change(name, decide, deadline, Repeat::always);
    if (result && result->state != CellState::decided) {
        const char* const what = is_fixed(result->state) ? "a lock" : "a cell, set by \"cell\"";
        co_return std::unexpected(Error{
            Code::no, fmt::format("\"{}\" is {}; propose under another name", name, what)});
    }
    co_return result;
}

Task<Result<Named>> set_value(Directory& directory, std::string name, std::string value,
                              Instant deadline) {
    const ChangeFn set = [&](const CellView& base, Draft& draft) {
        if (is_fixed(base.state)) return Verdict::keep;
        put(draft, CellState::set, value);
        return Verdict::write;
    };
    Result<Named> result = co_await directory.change(name, set, deadline);
    if (result && !result->applied) co_return std::unexpected(is_fixed(name, result->state));
    co_return result;
}

Task<Result<Named>> compare_and_swap(Directory& directory, std::string name, std::uint64_t version,
                                     std::string value, Instant deadline) {
    const ChangeFn swap = [&](const CellView& base, Draft& draft) {
        if (is_fixed(base.state) || base.version != version) return Verdict::keep;
        put(draft, CellState::set, value);
        return Verdict::write;
    };
    Result<Named> result = co_await directory.change(name, swap, deadline, Repeat::while_due);
    if (result && result->applied && !result->exact) {  // others followed; what it made is known
        put_own(*result, version + 1, value);
    }
    if (result && !result->applied && is_fixed(result->state)) {
        co_return std::unexpected(is_fixed(name, result->state));
    }
    co_return result;
}

Task<Result<Named>> increment(Directory& directory, std::string name, std::int64_t by,
                              Instant deadline) {
    enum class Refusal : std::uint8_t { none, fixed, no_number, overflow };
    Refusal refusal = Refusal::none;  // of the last attempt
    const ChangeFn add = [&](const CellView& base, Draft& draft) {
        refusal = Refusal::none;
        const bool unset = base.state == CellState::unset || base.state == CellState::deleted;
        const std::optional<std::int64_t> present = unset ? 0 : number(base.value);
        std::int64_t sum = 0;
        if (is_fixed(base.state)) refusal = Refusal::fixed;
        else if (!present) refusal = Refusal::no_number;
        else if (__builtin_add_overflow(*present, by, &sum)) refusal = Refusal::overflow;
        if (refusal != Refusal::none) return Verdict::keep;
        put(draft, CellState::set, std::to_string(sum));
        return Verdict::write;
    };
    Result<Named> result = co_await directory.change(name, add, deadline);
    if (!result || result->applied) co_return result;
    switch (refusal) {
        case Refusal::fixed: co_return std::unexpected(is_fixed(name, result->state));
        case Refusal::no_number:
            co_return std::unexpected(
                Error{Code::no, fmt::format("the value of \"{}\" is not a number", name)});
        case Refusal::overflow:
            co_return std::unexpected(Error{
                Code::no, fmt::format("\"{}\" plus {} does not fit into 64 bits", name, by)});
        case Refusal::none: break;
    }
    UNREACHABLE();
}

Task<Result<Named>> remove_value(Directory& directory, std::string name, Instant deadline) {
    const ChangeFn remove = [&](const CellView& base, Draft& draft) {
        if (base.state != CellState::set) return Verdict::keep;
        put(draft, CellState::deleted, "");
        return Verdict::write;
    };
    Result<Named> result = co_await directory.change(name, remove, deadline);
    if (result && !result->applied && is_fixed(result->state)) {
        co_return std::unexpected(is_fixed(name, result->state));
    }
    co_return result;
}

}  // namespace diskpaxos
