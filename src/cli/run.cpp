// `run`: acquire a lock, run CMD under it, release it. No daemon: this process is the session.
//
// What must always hold: CMD and all it started is dead before anybody else may hold the lock. The
// guard (supervise/command.hpp) sees to it, with deadlines that follow the session's lease.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>

#include "cli/invocation.hpp"
#include "cli/open_group.hpp"
#include "lock/lock.hpp"
#include "node/group_file.hpp"
#include "supervise/command.hpp"
#include "supervise/realtime.hpp"
#include "supervise/watchdog.hpp"

namespace diskpaxos::cli {

namespace {

// Those to pass on to CMD; but what we were started to ignore, as under nohup, stays ignored.
std::vector<int> heard_signals() {
    std::vector<int> heard;
    for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2}) {
        struct sigaction present {};
        const bool known = sigaction(signal, nullptr, &present) == 0;
        if (known && present.sa_handler != SIG_IGN) heard.push_back(signal);
    }
    return heard;
}

constexpr Duration for_ever = std::chrono::hours(24 * 365 * 100);

struct Wish {
    std::string lock;
    std::vector<std::string> command;
    LockMode mode = LockMode::exclusive;
    Duration wait = for_ever;  // zero: try once
    int busy_code = exit_code(Code::busy);
    std::optional<Duration> ttl;
    std::optional<std::string> watchdog;
    Duration timeout{};
};

Result<Wish> understood(const Invocation& call) {
    Wish wish;
    wish.lock = call.arguments().front();
    wish.command.assign(call.arguments().begin() + 1, call.arguments().end());
    if (auto fine = Directory::check_name(wish.lock); !fine) return std::unexpected(fine.error());
    if (call.has("shared")) wish.mode = LockMode::shared;
    if (call.has("nonblock") && call.has("wait")) {
        return usage("-n and -w exclude each other: try once, or wait for a time");
    }
    if (call.has("nonblock")) wish.wait = Duration(0);
    if (call.text("wait")) {
        const Result<Duration> wait = parse_duration(*call.text("wait"), "--wait", Zero::allowed);
        if (!wait) return std::unexpected(wait.error());
        wish.wait = *wait;
    }
    const auto code = call.number("conflict-exit-code", 75, 0, 255);
    if (!code) return std::unexpected(code.error());
    wish.busy_code = static_cast<int>(*code);
    if (call.text("ttl")) {
        const Result<Duration> ttl = parse_duration(*call.text("ttl"), "--ttl");
        if (!ttl) return std::unexpected(ttl.error());
        if (*ttl < std::chrono::seconds(1) || *ttl > std::chrono::hours(1)) {
            return usage("--ttl must be from 1s to 1h");
        }
        wish.ttl = *ttl;
    }
    wish.watchdog = call.text("watchdog");
    const Result<Duration> timeout = call.timeout();
    if (!timeout) return std::unexpected(timeout.error());
    wish.timeout = *timeout;
    return wish;
}

// How CMD finds the group that the lock is in: as we did, but from whatever folder.
std::string group_for_command(const Invocation& call, OpenGroup& group) {
    std::string named = call.text("group").value_or(node::group_of_environment());
    if (!call.all("disk").empty() || named.empty()) return group.roster().common.name;
    if (named.find('/') == std::string::npos) return named;
    return std::filesystem::absolute(named).lexically_normal().string();
}

// What is to be done if we die: see bury.cpp. Without it the others wait for the TTL.
std::vector<std::string> last_will(OpenGroup& group, const std::string& lock, SessionRef session) {
    std::vector<std::string> words = {"diskpaxos", "bury"};
    for (const RealWorld::Member& member : group.real().members()) {
        words.emplace_back("-d");
        words.push_back(member.path);
    }
    words.insert(words.end(), {"--", lock, std::to_string(session.slot),
                               std::to_string(session.epoch)});
    return words;
}

// The lock, and what runs under it.
class Run {
  public:
    Run(OpenGroup& group, const Wish& wish, Command& command, SessionOwner owner, Output& out)
        : group_(group),
          wish_(wish),
          command_(command),
          out_(out),
          directory_(group.group()),
          session_(group.world(), directory_,
                   static_cast<std::uint16_t>(group.group().seat()->slot), std::move(owner),
                   wish.ttl),
          lock_(group.world(), directory_, session_, wish.lock),
          scope_(group.world().queue) {
        group.real().loop().watch_signals(heard_signals(), signal_);
    }

    Result<int> go(const std::string& group_name) {
        if (auto fine = open_watchdog_rule(); !fine) return std::unexpected(fine.error());
        const Instant asked = now();
        const Instant until = asked + wish_.wait;
        const Result<std::uint64_t> token = acquire(until);
        if (!token || interrupted_ != 0) command_.bequeath({});
        if (interrupted_ != 0) return interrupted();
        if (!token) {
            (void)group_.run(session_.leave(farewell()));
            if (token.error().code == Code::lost) {  // nothing ran, so nothing was lost
                return std::unexpected(Error{Code::no_quorum, token.error().sentence});
            }
            if (token.error().code != Code::busy) return std::unexpected(token.error());
            return out_.fail(word(Code::busy), token.error().sentence, wish_.busy_code);
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

    // ---- waiting ----

    Result<std::uint64_t> acquire(Instant until) {
        std::optional<Result<std::uint64_t>> token;
        Event answered;
        {
            Scope waiting(group_.world().queue);
            waiting.spawn(ask(until, token, answered));
            group_.real().loop().run_until([&] { return answered.is_set() || signal_.is_set(); });
            if (!answered.is_set()) {
                interrupted_ = group_.real().loop().signal();
                stop_waiting_.set();
                group_.real().loop().run_until(answered);
            }
        }
        return *token;
    }

    Task<void> ask(Instant until, std::optional<Result<std::uint64_t>>& token, Event& answered) {
        token = co_await try_until(until);
        answered.set();
    }

    // A session that is lost while nothing is held is no loss: the next one waits on.
    Task<Result<std::uint64_t>> try_until(Instant until) {
        for (;;) {
            const Instant patience = now() + wish_.timeout;
            Result<void> opened = co_await session_.open(patience);
            if (opened) {
                command_.bequeath(last_will(group_, wish_.lock, session_.ref()));
                LockWish wish;
                wish.mode = wish_.mode;
                wish.wait = wish_.wait > Duration(0);
                wish.until = until;
                wish.patience = wish_.timeout;
                wish.stop = &stop_waiting_;
                Result<std::uint64_t> token = co_await lock_.acquire(wish);
                const bool again = !token && token.error().code == Code::lost && wish.wait &&
                                   !session_.sound() && now() < until && !stop_waiting_.is_set();
                if (!again) co_return token;
            } else if (wish_.wait == Duration(0) || now() >= until || stop_waiting_.is_set() ||
                       opened.error().code != Code::no_quorum) {
                co_return std::unexpected(opened.error());
            } else {  // disks that answer at once, but not enough of them: no reason to spin
                const Duration pause = session_.timing().lazy_poll();
                co_await stop_waiting_.wait_until(group_.world().clock, now() + pause);
            }
        }
    }

    Result<int> interrupted() {
        give_back();
        return out_.fail("interrupted", fmt::format("interrupted while waiting for lock \"{}\"",
                                                    wish_.lock), 128 + interrupted_);
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
        if (watchdog_) scope_.spawn(pet());
        group_.real().loop().run_until(command_.gone());
        over_.set();
        session_.changed().set();
        signal_.set();
        command_.resumed().set();
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
            out_.complain(outcome.code == 127 ? "not_found" : "command", outcome.sentence);
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
    const Wish& wish_;
    Command& command_;
    Output& out_;
    Event signal_;
    Event over_;
    int interrupted_ = 0;
    Event stop_waiting_;
    bool lost_while_running_ = false;
    Directory directory_;
    Session session_;
    Lock lock_;
    std::unique_ptr<Watchdog> watchdog_;
    Scope scope_;
};

std::string on_one_line(const std::vector<std::string>& words) {
    return fmt::format("{}", fmt::join(words, " "));
}

}  // namespace

Result<int> run_run(const Invocation& call, Output& out) {
    const Result<Wish> wish = understood(call);
    if (!wish) return std::unexpected(wish.error());
    auto command = Command::make();  // before loops, threads and signals
    if (!command) return std::unexpected(command.error());
    sigset_t signals;
    sigemptyset(&signals);
    for (const int signal : heard_signals()) sigaddset(&signals, signal);
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);  // they wait until we can answer them
    const Realtime realtime;
    auto group = join_group(call, out);
    if (!group) return std::unexpected(group.error());
    const Result<node::ThisHost> host = node::this_host((*group)->roster().common.group);
    if (!host) return std::unexpected(host.error());
    SessionOwner owner{host->host.name, host->host.boot, static_cast<std::uint32_t>(getpid()),
                       on_one_line(wish->command), node::unix_ms()};
    owner.time_of_day = node::unix_ms;
    Run run(**group, *wish, **command, std::move(owner), out);
    return run.go(group_for_command(call, **group));
}

}  // namespace diskpaxos::cli
