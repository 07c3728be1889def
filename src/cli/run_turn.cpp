#include "cli/run_turn.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "cli/lock_view.hpp"
#include "cli/shell_word.hpp"

namespace diskpaxos::cli {

namespace {

constexpr Duration for_ever = std::chrono::hours(24 * 365 * 100);

// What is to be done if we die: see bury.cpp. Without it the others wait for the TTL.
std::vector<std::string> last_will(OpenGroup& group, const std::string& lock, SessionRef session) {
    std::vector<std::string> words = {"diskpaxos", "bury"};
    for (const RealWorld::Member& member : group.real().members()) {
        words.emplace_back("-d");
        words.push_back(member.path);
    }
    words.insert(words.end(),
                 {"--", lock, std::to_string(session.slot), std::to_string(session.epoch),
                  uuid_text(group.roster().common.group)});
    return words;
}

bool worth_trying_again(Code code) {
    return code == Code::no_quorum || code == Code::unknown_outcome;
}

}  // namespace

RunTurn::RunTurn(OpenGroup& group, const RunWish& wish, Session& session, Lock& lock,
                 Command& command, Event& signal, Output& out)
    : group_(group),
      wish_(wish),
      session_(session),
      lock_(lock),
      command_(command),
      signal_(signal),
      out_(out),
      until_(now() + wish.wait.value_or(for_ever)) {
    if (!wish.wait) return;
    notes_.emplace(node::NoteScope{.group = group.roster().common.group,
                                   .boot = session.owner().boot,
                                   .clock = node::clock_of_this_process(),
                                   .lock = wish.lock});
}

Result<std::uint64_t> RunTurn::take() {
    std::optional<Result<std::uint64_t>> token;
    Event answered;
    io::Loop& loop = group_.real().loop();
    {
        Scope waiting(group_.world().queue);
        waiting.spawn(ask(token, answered));
        loop.run_until([&] { return answered.is_set() || hear_signals(); });
        if (!answered.is_set()) {
            stop_.set();
            loop.run_until(answered);
        }
    }
    if (!*token || interrupted_ != 0) command_.bequeath({});
    if (*token && notes_) notes_->write({});
    return *token;
}

// Those that would not end us are about nothing yet: CMD does not run.
bool RunTurn::hear_signals() {
    if (!signal_.is_set()) return false;
    signal_.reset();
    for (const int signal : group_.real().loop().take_signals()) {
        if (ends_by_default(signal)) interrupted_ = signal;
    }
    return interrupted_ != 0;
}

Task<void> RunTurn::ask(std::optional<Result<std::uint64_t>>& token, Event& answered) {
    token = co_await try_until();
    answered.set();
}

LockWish RunTurn::lock_wish() const {
    LockWish wish;
    wish.mode = wish_.mode;
    wish.wait = wish_.waits();
    wish.until = until_;
    wish.patience = wish_.timeout;
    if (notes_) wish.notes = notes_->read(now());
    return wish;
}

// A session that is lost while nothing is held is no loss: the next one waits on.
Task<Result<std::uint64_t>> RunTurn::try_until() {
    for (bool first = true;; first = false) {
        const bool brief = first && wish_.waits();
        const Duration patience = brief ? std::min(wish_.timeout, told_after) : wish_.timeout;
        Result<void> opened = co_await session_.open(now() + patience);
        if (!opened) {
            if (is_over() || !worth_trying_again(opened.error().code)) {
                co_return std::unexpected(opened.error());
            }
            tell_majority(&opened.error());
            // Disks that answer at once, but not enough of them: no reason to spin.
            const Instant next = now() + session_.timing().lazy_poll();
            co_await stop_.wait_until(group_.world().clock, next);
            continue;
        }
        tell_majority(nullptr);
        command_.bequeath(last_will(group_, wish_.lock, session_.ref()));
        LockWish wish = lock_wish();
        wish.stop = &stop_;
        if (wish.wait) wish.tell_majority = [this](const Error* error) { tell_majority(error); };
        Result<std::uint64_t> token = co_await lock_.acquire(std::move(wish));
        const bool again = !token && token.error().code == Code::lost && !session_.sound();
        if (!again || is_over()) co_return token;
        tell_majority(&token.error());
    }
}

void RunTurn::tell_majority(const Error* trouble) {
    const bool lost = trouble != nullptr;
    if (lost == std::exchange(told_, lost)) return;
    if (lost) {
        out_.warn(
            fmt::format("no majority of the disks can be used, and lock \"{}\" is waited for "
                        "until one can: {}",
                        printable(wish_.lock), trouble->sentence));
    } else {
        out_.warn("a majority of the disks can be used again");
    }
}

int RunTurn::refuse(const Error& busy) {
    if (notes_) notes_->write(lock_.notes());
    if (wish_.quiet && !out_.json()) return wish_.busy_code;
    const std::string sentence =
        fmt::format("{}{}; \"diskpaxos explain{} {}\" says more", busy.sentence, may_be_expiring(),
                    wish_.same_disks, shell_word(wish_.lock));
    if (!wish_.quiet) return out_.fail(word(Code::busy), sentence, wish_.busy_code);
    Json error;
    error["error"] = word(Code::busy);
    error["message"] = sentence;
    out_.event("", error);
    return wish_.busy_code;
}

// One look cannot tell a holder that is dead from one that is only quiet.
std::string RunTurn::may_be_expiring() const {
    for (const Obstacle& at : lock_.obstacles()) {
        if (at.renewed) continue;
        const Duration left = std::max(at.expires - now(), Duration(0));
        const char* const since = at.recalled ? "shows no sign of life since it was seen before"
                                              : "shows no sign of life in one look";
        const std::string when = notes_ && notes_->kept()
                                     ? fmt::format("this command can tell in {}", brief(left))
                                     : fmt::format("run -w can tell in {} (no note is kept: {})",
                                                   brief(left), notes_ ? notes_->why() : "");
        return fmt::format(", which {} and may be expiring: {}", since, when);
    }
    return "";
}

}  // namespace diskpaxos::cli
