// RunTurn: what `run` does until the lock is its own: opens a session, waits its turn, and says
// what it waits for.
#pragma once

#include "cli/open_group.hpp"
#include "cli/run_wish.hpp"
#include "lock/lock.hpp"
#include "node/notes.hpp"
#include "supervise/command.hpp"

namespace diskpaxos::cli {

// Of the first session, and of each renewal: a person should not wait longer for a word that there is
// no majority.
constexpr Duration told_after = std::chrono::seconds(3);

class RunTurn {
  public:
    // `signal` is set when signals have come.
    RunTurn(OpenGroup& group, const RunWish& wish, Session& session, Lock& lock, Command& command,
            Event& signal, Output& out);

    // The token. Ends early by a signal that would end us: interrupted() is its number then.
    Result<std::uint64_t> take();
    int interrupted() const { return interrupted_; }

    // After `busy`: says it, unless that is not wanted, and leaves a note. The exit code.
    int refuse(const Error& busy);

  private:
    Instant now() const { return group_.world().clock.now(); }
    LockWish lock_wish() const;
    Task<void> ask(std::optional<Result<std::uint64_t>>& token, Event& answered);
    Task<Result<std::uint64_t>> try_until();
    bool is_over() const { return !wish_.waits() || now() >= until_ || stop_.is_set(); }
    void tell_majority(const Error* trouble);
    std::string may_be_expiring() const;
    bool hear_signals();

    OpenGroup& group_;
    const RunWish& wish_;
    Session& session_;
    Lock& lock_;
    Command& command_;
    Event& signal_;
    Output& out_;
    const Instant until_;
    std::optional<node::Notes> notes_;  // those who wait for ever need none
    Event stop_;
    int interrupted_ = 0;
    bool told_ = false;  // that there is no majority
};

}  // namespace diskpaxos::cli
