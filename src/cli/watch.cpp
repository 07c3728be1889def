// `watch`: a line for each change of a lock or cell, until a signal or --count.
#include <fmt/format.h>

#include <csignal>
#include <cstdio>
#include <map>

#include "cli/invocation.hpp"
#include "cli/lock_view.hpp"
#include "cli/named_json.hpp"
#include "cli/open_group.hpp"
#include "lock/poll.hpp"

namespace diskpaxos::cli {

namespace {

constexpr Duration settling = std::chrono::seconds(1);  // then what is in motion is told as such

// What the name shows: two that are equal are no change.
struct Picture {
    std::uint64_t version = 0;
    CellState state = CellState::unset;
    Bytes value;
    bool settled = true;
    std::vector<Party> holders;

    bool same(const Picture& other) const {
        const auto fate = [](const Party& party) { return party.fate; };
        return version == other.version && state == other.state && value == other.value &&
               settled == other.settled &&
               std::ranges::equal(holders, other.holders, {}, fate, fate);
    }
};

class Watcher {
  public:
    Watcher(OpenGroup& group, std::string name, Duration timeout, Output& out)
        : world_(group.world()),
          group_(group.world(), group.roster()),
          directory_(group_),
          name_(std::move(name)),
          timeout_(timeout),
          out_(out),
          poll_(Timing(std::chrono::milliseconds(directory_.ttl_ms()))),
          awaiting_(group.world().queue) {
        awaiting_.spawn(group.await_absent(group_, end_));
    }

    // Until `count` lines are out; 0: for ever; or until the name turns out not to be for us to see.
    Task<void> run(std::uint64_t count) {
        for (std::uint64_t lines = 0; count == 0 || lines < count;) {
            const Result<Picture> seen = co_await look();
            const Instant now = world_.clock.now();
            if (!seen) {
                forbidden_ = seen.error().code == Code::permission;
                complain(seen.error());
                if (forbidden_) co_return;  // waiting does not change it
                co_await world_.clock.sleep_until(now + std::chrono::seconds(1));
                continue;
            }
            if (lost_) out_.complain("note", "a majority of the disks answers again");
            lost_ = false;
            if (seen->settled)
                moving_since_.reset();
            else if (!moving_since_)
                moving_since_ = now;
            const bool tell = seen->settled || now - *moving_since_ >= settling;
            if (tell && (!told_ || !told_->same(*seen))) {
                show(*seen);
                told_ = *seen;
                if (++lines == count || std::ferror(stdout) != 0) co_return;  // nobody reads on
            }
            const Duration pause = poll_.next(now, seen->version, 0);
            const Duration told = Timing(std::chrono::milliseconds(directory_.ttl_ms())).lazy_poll();
            co_await directory_.await_change(name_, now + (directory_.tells(name_) ? told : pause));
        }
    }

    bool forbidden() const { return forbidden_; }

  private:
    // One pass cannot always tell what is committed; a second one can, unless it is in motion.
    Task<Result<Named>> look_closely() {
        Result<Named> seen = co_await directory_.look(name_, deadline());
        const bool news =
            seen && !seen->exact && (!told_ || !told_->settled || seen->version != told_->version);
        if (!news) {
            if (seen) seen->exact = true;
            co_return seen;
        }
        Result<Named> sure = co_await directory_.get(name_, deadline());
        if (sure) co_return sure;
        co_return seen;
    }

    Task<Result<Picture>> look() {
        const Result<Named> cell = co_await look_closely();
        if (!cell) co_return std::unexpected(cell.error());
        Picture picture{.version = cell->version,
                        .state = cell->state,
                        .value = cell->value,
                        .settled = cell->exact,
                        .holders = {}};
        const auto lock = cell->state == CellState::lock ? decode_lock(cell->value) : std::nullopt;
        if (!lock) co_return picture;
        for (const Holder& holder : lock->holders) {
            Party party{.session = holder.session,
                        .mode = lock->exclusive ? LockMode::exclusive : LockMode::shared,
                        .token = holder.token,
                        .record = {}};
            const std::string session = session_name(holder.session.slot);
            const Result<Named> sign = co_await directory_.look(session, deadline());
            if (!sign) co_return std::unexpected(sign.error());
            auto record = decode_session(sign->value);
            party.fate = fate_of(holder.session, record);
            if (record && record->epoch() == holder.session.epoch) party.record = std::move(record);
            picture.holders.push_back(std::move(party));
        }
        co_return picture;
    }

    Instant deadline() const { return world_.clock.now() + timeout_; }

    void complain(const Error& error) {
        if (!lost_) out_.complain(word(error.code), error.sentence);
        lost_ = true;
    }

    void show(const Picture& seen) const {
        const std::string time = rfc3339(node::unix_ms());
        Json object;
        object["time"] = time;
        put_text(object, "name", name_);
        object["version"] = seen.version;
        object["settled"] = seen.settled;
        std::string text;
        if (seen.state == CellState::lock)
            text = show_lock(seen, object);
        else
            text = show_value(seen, object);
        out_.event(fmt::format("{}  version {:<5} {}{}", time, seen.version, text,
                               seen.settled ? "" : " (not settled yet)"),
                   object);
    }

    static std::string show_lock(const Picture& seen, Json& object) {
        const LockRecord lock = decode_lock(seen.value).value_or(LockRecord());
        const bool held = std::ranges::any_of(
            seen.holders, [](const Party& party) { return may_act(party.fate); });
        object["state"] = held ? "held" : "free";
        object["mode"] = held ? Json(lock.exclusive ? "exclusive" : "shared") : Json();
        object["token"] = lock.token;
        object["holders"] = Json::array();
        object["waiters"] = lock.waiters.size();
        std::string text = held ? fmt::format("held {}", lock.exclusive ? "exclusive" : "shared")
                                : fmt::format("free, last token {}", lock.token);
        for (const Party& party : seen.holders) {
            object["holders"].push_back(described(party));
            text += fmt::format("; {}, token {}", who(party), party.token);
            if (!may_act(party.fate)) text += fmt::format(", {}", describe(party.fate));
        }
        if (!lock.waiters.empty()) text += fmt::format("; {} waiting", lock.waiters.size());
        return text;
    }

    static std::string show_value(const Picture& seen, Json& object) {
        object["state"] = describe(seen.state);
        object["value"] = nullptr;
        if (!has_value(seen.state)) return describe(seen.state);
        put_value(object, seen.value);
        return fmt::format("{} \"{}\"", describe(seen.state), printable(as_text(seen.value)));
    }

    World& world_;
    Group group_;
    Directory directory_;
    std::string name_;
    Duration timeout_;
    Output& out_;
    Poll poll_;
    bool lost_ = false;  // the majority
    bool forbidden_ = false;
    std::optional<Instant> moving_since_;
    std::optional<Picture> told_;
    Event end_;       // never: it dies with us
    Scope awaiting_;  // disks that were absent; last: it refers to the rest
};

Task<void> until_done(Watcher& watcher, std::uint64_t count, bool& done) {
    co_await watcher.run(count);
    done = true;
}

}  // namespace

Result<int> run_watch(const Invocation& call, Output& out) {
    const std::string& name = call.arguments().front();
    if (auto fine = Directory::check_name(name); !fine) return std::unexpected(fine.error());
    const auto count = call.number("count", 0, 1, UINT64_MAX);
    if (!count) return std::unexpected(count.error());
    auto group = open_group(call, out, {.access = io::Access::read, .quorum = false});
    if (!group) return std::unexpected(group.error());
    io::Loop& loop = (*group)->real().loop();
    Event signal;
    bool done = false;
    loop.watch_signals({SIGINT, SIGTERM, SIGHUP}, signal);
    Watcher watcher(**group, name, *call.timeout(), out);
    Scope scope(loop.queue());
    scope.spawn(until_done(watcher, *count, done));
    loop.run_until([&] { return done || signal.is_set(); });
    if (!done) return 128 + loop.signal();
    return watcher.forbidden() ? exit_code(Code::permission) : 0;
}

}  // namespace diskpaxos::cli
