// `run`: acquire a lock, run CMD under it, release it. No daemon: this process is the session.
//
// What must always hold: CMD and all it started is dead before anybody else may hold the lock. The
// guard (supervise/command.hpp) sees to it, with deadlines that follow the session's lease.
#include <fmt/format.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>

#include "cli/lock_view.hpp"
#include "cli/run_turn.hpp"
#include "node/group_file.hpp"
#include "supervise/realtime.hpp"
#include "supervise/watchdog.hpp"

namespace diskpaxos::cli {

namespace {

constexpr Duration heartbeat = std::chrono::milliseconds(500);

// How CMD finds the group that the lock is in: as we did, but from whatever folder.
std::string group_for_command(const Invocation& call, OpenGroup& group) {
    std::string named = call.text("group").value_or(node::group_of_environment());
    if (!call.all("disk").empty() || named.empty()) return group.roster().common.name;
    if (named.find('/') == std::string::npos) return named;
    return std::filesystem::absolute(named).lexically_normal().string();
}

// The lock, and what runs under it.
class Run {
  public:
    Run(OpenGroup& group, const RunWish& wish, Command& command, SessionOwner owner, Output& out)
        : group_(group),
          wish_(wish),
          command_(command),
          out_(out),
          directory_(group.group()),
          session_(group.world(), directory_,
                   static_cast<std::uint16_t>(group.group().seat()->slot), std::move(owner),
                   wish.ttl),
          lock_(group.world(), directory_, session_, wish.lock),
          turn_(group, wish, session_, lock_, command, signal_, out),
          scope_(group.world().queue) {
        group.real().loop().watch_signals(signals_for_command(), signal_);
    }

    Result<int> go(const std::string& group_name) {
        if (auto fine = open_watchdog_rule(); !fine) return std::unexpected(fine.error());
        const Instant asked = now();
        const Result<std::uint64_t> token = turn_.take();
        if (turn_.interrupted() != 0) return interrupted();
        if (!token) {
            (void)group_.run(session_.leave(farewell()));
            if (token.error().code == Code::lost) {  // nothing ran, so nothing was lost
                return std::unexpected(Error{Code::no_quorum, token.error().sentence});
            }
            if (token.error().code != Code::busy) return std::unexpected(token.error());
            return turn_.refuse(token.error());
        }
        const Instant acquired = now();
        if (auto fine = arm_watchdog(); !fine) {
            command_.bequeath({});
            give_back();
            return std::unexpected(fine.error());
        }
        run_command(*token, group_name);
        const Instant ended = now();
        const Result<int> code = finish();
        if (code && out_.json()) show(*code, *token, acquired - asked, ended - acquired);
        return code;
    }

  private:
    Instant now() { return group_.world().clock.now(); }

    Result<int> interrupted() {
        give_back();
        return out_.fail("interrupted",
                         fmt::format("interrupted while waiting for lock \"{}\"", wish_.lock),
                         128 + turn_.interrupted());
    }

    // ---- running ----

    void run_command(std::uint64_t token, const std::string& group_name) {
        command_.start(group_.real().loop(), wish_.command,
                       {"DISKPAXOS_LOCK=" + wish_.lock, "DISKPAXOS_GROUP=" + group_name,
                        fmt::format("DISKPAXOS_TOKEN={}", token)},
                       {session_.terminate_at(), session_.kill_at()});
        scope_.spawn(follow_session());
        scope_.spawn(pass_signals());
        scope_.spawn(tell_of_leftovers());
        scope_.spawn(tell_of_suspension());
        scope_.spawn(tell_of_silent_guard());
        scope_.spawn(tell_of_majority());
        if (watchdog_) scope_.spawn(pet());
        group_.real().loop().run_until(command_.gone());
        over_.set();
        session_.changed().set();
        signal_.set();
        command_.resumed().set();
        command_.silent().set();
        group_.real().loop().run_until(scope_.idle());
    }

    Task<void> follow_session() {
        while (!over_.is_set()) {
            co_await session_.changed().wait();
            session_.changed().reset();
            if (session_.open()) {
                command_.extend({session_.terminate_at(), session_.kill_at()});
            } else if (!over_.is_set()) {
                // Evicted: by somebody who was right, or by `break`. Either way others may hold it.
                lost_while_running_ = true;
                const Duration last_words = session_.timing().kill_before();
                command_.extend({now(), std::min(session_.kill_at(), now() + last_words)});
                co_return;
            }
        }
    }

    Task<void> pass_signals() {
        while (!over_.is_set()) {
            co_await signal_.wait();
            signal_.reset();
            for (const int signal : group_.real().loop().take_signals()) {
                if (!over_.is_set()) command_.signal(signal);
            }
        }
    }

    Task<void> tell_of_leftovers() {
        co_await command_.ended().wait();
        const Instant soon = now() + std::chrono::seconds(1);
        if (co_await command_.gone().wait_until(group_.world().clock, soon)) co_return;
        out_.warn(fmt::format("{} has ended, but processes that it started still run; lock \"{}\" is "
                              "kept until they end",
                              wish_.command.front(), wish_.lock));
    }

    Task<void> tell_of_suspension() {
        co_await command_.resumed().wait();
        if (over_.is_set()) co_return;
        out_.warn(fmt::format("{} is not suspended while it holds lock \"{}\"", wish_.command.front(),
                              wish_.lock));
    }

    Task<void> tell_of_silent_guard() {
        co_await command_.silent().wait();
        if (over_.is_set()) co_return;
        out_.warn(
            fmt::format("the guard of {} does not answer; it was told to go on, and lock \"{}\" "
                        "is kept until nothing of {} can run any more",
                        wish_.command.front(), wish_.lock, wish_.command.front()));
    }

    // CMD is ended for this, if it lasts: nobody should learn of it only then.
    Task<void> tell_of_majority() {
        const Timing& timing = session_.timing();
        bool told = false;
        while (!over_.is_set() && session_.open()) {
            const Instant started = session_.valid_until() - timing.ttl();
            const Duration patience = std::min(timing.attempt(), told_after);
            const Instant due = started + timing.renewal() + patience;
            const bool late = now() >= due;
            if (late && !told && now() < session_.terminate_at()) {
                out_.warn(cannot_renew());
                told = true;
            } else if (told && !late) {
                out_.warn(fmt::format("lock \"{}\" is renewed again", wish_.lock));
                told = false;
            }
            co_await over_.wait_until(group_.world().clock, late ? now() + heartbeat : due);
        }
    }

    std::string cannot_renew() {
        const std::string& why = session_.trouble();
        return fmt::format(
            "lock \"{}\" could not be renewed, and {} is ended in {} unless it can: {}", wish_.lock,
            wish_.command.front(), brief(session_.terminate_at() - now()),
            why.empty() ? "the disks do not answer" : why);
    }

    // ---- the watchdog ----

    Result<void> open_watchdog_rule() const {
        if (!wish_.watchdog || session_.timing().watchdog() > std::chrono::seconds(0)) return {};
        return usage("--watchdog needs a TTL of at least 3s: watchdogs count whole seconds");
    }

    Result<void> arm_watchdog() {
        if (!wish_.watchdog) return {};
        const Timing& timing = session_.timing();
        auto opened = Watchdog::open(*wish_.watchdog, timing.watchdog(), timing.reset());
        if (!opened) return std::unexpected(opened.error());
        watchdog_ = std::move(*opened);
        for (const std::string& sentence : watchdog_->warnings()) out_.warn(sentence);
        return {};
    }

    Task<void> pet() {
        bool complained = false;
        while (!over_.is_set()) {
            const Result<bool> petted = watchdog_->pet_until(now(), session_.valid_until());
            if (!petted && !std::exchange(complained, true)) out_.warn(petted.error().sentence);
            const Instant next = now() + pet_interval(watchdog_->timeout());
            co_await over_.wait_until(group_.world().clock, next);
        }
    }

    // ---- the end ----

    // Disks that hang do not keep us: what is not given back in time runs out by itself.
    Instant farewell() { return now() + std::min(wish_.timeout, session_.timing().attempt()); }

    void give_back() {
        if (lock_.token() != 0) {
            const Result<void> released = group_.run(lock_.release(farewell()));
            if (!released && released.error().code == Code::lost) lost_while_running_ = true;
        }
        const Result<void> left = group_.run(session_.leave(farewell()));
        if (!left) {
            out_.warn(fmt::format("others may have to wait for the TTL: {}", left.error().sentence));
        }
    }

    Result<int> finish() {
        if (watchdog_) {
            if (auto fine = watchdog_->release(); !fine) out_.warn(fine.error().sentence);
        }
        const Outcome& outcome = command_.outcome();
        const bool expired = outcome.why == Outcome::Why::deadline || !session_.sound();
        lost_while_running_ = lost_while_running_ || expired;
        const std::string reason = session_.why_lost().sentence;
        give_back();
        if (lost_while_running_) {
            const char* const what = outcome.why == Outcome::Why::exited
                                         ? "ended by itself, perhaps too late"
                                         : "has been killed";
            return std::unexpected(
                Error{Code::lost, fmt::format("lock \"{}\" was lost while {} ran, which {}{}{}",
                                              wish_.lock, wish_.command.front(), what,
                                              reason.empty() ? "" : ": ", reason)});
        }
        if (!outcome.sentence.empty()) {
            const bool guard = outcome.why == Outcome::Why::guard_killed;
            out_.complain(guard                 ? "guard"
                          : outcome.code == 127 ? "not_found"
                                                : "command",
                          outcome.sentence);
        }
        return outcome.code;
    }

    void show(int code, std::uint64_t token, Duration waited, Duration held) {
        const auto ms = [](Duration d) {
            return std::chrono::duration_cast<std::chrono::milliseconds>(d).count();
        };
        Json object;
        object["lock"] = wish_.lock;
        object["mode"] = wish_.mode == LockMode::shared ? "shared" : "exclusive";
        object["token"] = token;
        object["code"] = code;
        object["waited_ms"] = ms(waited);
        object["held_ms"] = ms(held);
        object["renewals"] = session_.renewals();
        object["least_margin_ms"] = ms(session_.least_margin());
        out_.changed();
        out_.object(std::move(object));
    }

    OpenGroup& group_;
    const RunWish& wish_;
    Command& command_;
    Output& out_;
    Event signal_;
    Event over_;
    bool lost_while_running_ = false;
    Directory directory_;
    Session session_;
    Lock lock_;
    RunTurn turn_;
    std::unique_ptr<Watchdog> watchdog_;
    Scope scope_;
};

}  // namespace

Result<int> run_run(const Invocation& call, Output& out) {
    const Result<RunWish> wish = run_wish(call);
    if (!wish) return std::unexpected(wish.error());
    auto command = Command::make();  // before loops, threads and signals
    if (!command) return std::unexpected(command.error());
    sigset_t signals;
    sigemptyset(&signals);
    for (const int signal : signals_for_command()) sigaddset(&signals, signal);
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);  // they wait until we can answer them
    const Realtime realtime;
    auto group = join_group(call, out);
    if (!group) return std::unexpected(group.error());
    const Result<node::ThisHost> host = node::this_host((*group)->roster().common.group);
    if (!host) return std::unexpected(host.error());
    SessionOwner owner{host->host.name, host->host.boot, static_cast<std::uint32_t>(getpid()),
                       wish->label, node::unix_ms()};
    owner.time_of_day = node::unix_ms;
    Run run(**group, *wish, **command, std::move(owner), out);
    return run.go(group_for_command(call, **group));
}

}  // namespace diskpaxos::cli
