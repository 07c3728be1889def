#include "cli/give_up.hpp"

#include <fmt/format.h>

#include "cli/ask.hpp"
#include "cli/named_json.hpp"
#include "group/directory.hpp"
#include "group/give_up.hpp"
#include "lock/lock_record.hpp"

namespace diskpaxos::cli {

namespace {

// A lock goes on with a token far above all that was given; everything else becomes unset again,
// and keeps its version. A decision may be taken anew: what was decided is not known.
void successor(const CellView& base, Draft& draft) {
    draft.value.clear();
    auto lock = base.state == CellState::lock ? decode_lock(base.value) : std::nullopt;
    if (!lock) {
        // A cell's versions go on; of all else, and of what nothing is left of, anything may begin anew.
        const bool value = base.state == CellState::set || base.state == CellState::deleted;
        draft.state = value ? CellState::deleted : CellState::unset;
        return;
    }
    LockRecord next;
    next.token = lock->token + GivingUp::versions;
    next.value = std::move(lock->value);
    next.doubtful = true;
    draft.state = CellState::lock;
    encode(draft.value, next);
}

std::string what_is_left(const LostName& lost) {
    if (!lost.named) {
        return "nothing of it can be read, not even whose cell it was: if it was another name's, "
               "that "
               "one begins anew, with version 1 and token 1";
    }
    const auto lock = lost.state == CellState::lock ? decode_lock(lost.value) : std::nullopt;
    std::string text = fmt::format("the newest copy that can be read is version {}, {}",
                                   lost.version, describe(lost.state));
    if (lock) return text + fmt::format(", last token {}", lock->token);
    if (has_value(lost.state)) {
        text += fmt::format(" \"{}\"", printable(as_text(lost.value)));
    }
    return text;
}

std::string question(const std::string& name, const LostName& lost) {
    std::string text = fmt::format(
        "\"{}\" (cell {}) is lost on a majority of the disks; {}. Newer ones may have been "
        "acknowledged, and are lost with it. To give it up means: ",
        name, lost.cell, what_is_left(lost));
    if (lost.state == CellState::lock) {
        return text +
               "the lock is free, and its next token far above; a process that held it goes on as "
               "if it did, as long as its session lives, beside the next holder: end it first";
    }
    text +=
        "it is unset, and its version far above; programs that have read it may still act on what "
        "they read";
    if (lost.state == CellState::decided) text += ", and another value may be decided than before";
    return text;
}

}  // namespace

Result<GivenUp> give_up(OpenGroup& group, const std::string& name, const Invocation& call,
                        Output& out) {
    if (auto fine = Directory::check_name(name); !fine) return std::unexpected(fine.error());
    if (auto seated = group.take_seat(); !seated) return std::unexpected(seated.error());
    GivingUp giving(group.group());
    const Result<LostName> lost = group.run(giving.find(name));
    if (!lost) return std::unexpected(lost.error());
    if (auto fine = ask(question(name, *lost), call); !fine) return std::unexpected(fine.error());
    const Result<std::uint64_t> version = group.run(giving.run(*lost, name, successor));
    if (!version) return std::unexpected(version.error());
    out.warn(fmt::format("\"{}\" was given up: {}; it goes on with version {}", name,
                         what_is_left(*lost), *version));
    return GivenUp{lost->cell, *version, giving.mended()};
}

}  // namespace diskpaxos::cli
