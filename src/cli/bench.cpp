// `bench`: what operations cost on these disks, and how that compares with the floor.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "cli/bare.hpp"
#include "cli/invocation.hpp"
#include "cli/lock_view.hpp"
#include "cli/open_group.hpp"
#include "group/values.hpp"
#include "lock/lock.hpp"

namespace diskpaxos::cli {

namespace {

constexpr unsigned slices = 10;       // of what is measured, each followed by some of the floor
constexpr unsigned bare_rounds = 50;  // so many at most

struct Order {
    std::string op;
    unsigned concurrency = 1;
    Duration length{};

    bool locks() const { return op == "lock" || op == "relock"; }
    bool cold() const { return op == "propose" || op == "lock"; }
};

struct Yield {  // of all operations measured
    std::vector<Duration> times;
    io::Counts counts;
    Duration length{};
    std::optional<Error> error;

    void count(const io::Counts& before, const io::Counts& after) {
        counts.submissions += after.submissions - before.submissions;
        counts.reads += after.reads - before.reads;
        counts.writes += after.writes - before.writes;
        counts.sends += after.sends - before.sends;
    }
};

// One process: a seat of its own and, for locks, a session.
class Bencher {
  public:
    Bencher(std::unique_ptr<OpenGroup> group, const Order& order, const SessionOwner& owner)
        : order_(order),
          group_(std::move(group)),
          directory_(group_->group()),
          session_(group_->world(), directory_, slot(), owner) {}

    Result<void> open() {
        if (!order_.locks()) return {};
        return group_->run(session_.open(group_->deadline()));
    }
    Result<void> leave() { return group_->run(session_.leave(group_->deadline())); }

    // Each name again and again, all names at once, until `until`; at least once.
    void measure(const std::vector<std::string>& names, Instant until, Yield& yield) {
        io::Loop& loop = group_->real().loop();
        const io::Counts before = loop.counts();
        const Instant start = loop.now();
        {
            Scope scope(loop.queue());
            for (const std::string& name : names) scope.spawn(repeat(name, until, yield));
            loop.run_until(scope.idle());
        }
        yield.length += loop.now() - start;
        yield.count(before, loop.counts());
    }

    Result<void> remove(const std::vector<std::string>& names) {
        if (order_.locks()) return {};
        for (const std::string& name : names) {
            const auto removed = group_->run(remove_value(directory_, name, group_->deadline()));
            if (!removed) return std::unexpected(removed.error());
        }
        return {};
    }

    std::uint16_t slot() const { return static_cast<std::uint16_t>(group_->group().seat()->slot); }
    OpenGroup& group() { return *group_; }

  private:
    Task<void> repeat(std::string name, Instant until, Yield& yield) {
        Clock& clock = group_->world().clock;
        Lock lock(group_->world(), directory_, session_, name);
        do {
            const Instant start = clock.now();
            Result<void> done;
            if (order_.locks())
                done = co_await pair(lock);
            else
                done = co_await change(name);
            if (!done) {
                yield.error = done.error();
                co_return;
            }
            yield.times.push_back(clock.now() - start);
        } while (clock.now() < until && !yield.error);
    }

    Task<Result<void>> pair(Lock& lock) {
        const Instant deadline = group_->deadline();
        const LockWish wish{.wait = true, .until = deadline, .patience = group_->timeout()};
        const Result<std::uint64_t> token = co_await lock.acquire(wish);
        if (!token) co_return std::unexpected(token.error());
        co_return co_await lock.release(deadline);
    }

    Task<Result<void>> change(std::string name) {
        std::string value = fmt::format("{}", ++changes_);
        const Result<Named> set =
            co_await set_value(directory_, name, std::move(value), group_->deadline());
        if (!set) co_return std::unexpected(set.error());
        co_return Result<void>();
    }

    const Order& order_;
    std::unique_ptr<OpenGroup> group_;
    Directory directory_;
    Session session_;
    std::uint64_t changes_ = 0;
};

Result<Order> understood(const Invocation& call) {
    Order order;
    order.op = call.text("op").value_or("change");
    const auto concurrency = call.number("concurrency", 1, 1, 64);
    if (!concurrency) return std::unexpected(concurrency.error());
    order.concurrency = static_cast<unsigned>(*concurrency);
    const auto length = parse_duration(call.text("seconds").value_or("5"), "--seconds");
    if (!length) return std::unexpected(length.error());
    if (*length > std::chrono::hours(1)) return usage("--seconds can be at most an hour");
    order.length = *length;
    return order;
}

std::vector<std::string> names_of(const Order& order, std::uint16_t slot) {
    std::vector<std::string> names;
    for (unsigned i = 0; i < order.concurrency; ++i) {
        names.push_back(fmt::format("bench/{}/{}.{}", order.locks() ? "lock" : "cell", slot, i));
    }
    return names;
}

std::optional<std::uint32_t> cell_of(OpenGroup& group, const std::string& name) {
    const Threshold rule = Threshold::majority(group.roster().disks());
    Surveyor surveyor(group.world(), group.roster(), rule);
    const Survey survey = group.run(surveyor.run(group.deadline()));
    const SurveyedCell* cell = survey.find(name);
    return cell == nullptr ? std::nullopt : std::optional(cell->number);
}

// The operation and its floor in turns, so that a noisy machine troubles both alike.
class Turns {
  public:
    Turns(const Invocation& call, Output& out, const Order& order, const SessionOwner& owner,
          Bencher& first, std::uint32_t cell, const std::vector<std::string>& names)
        : call_(call),
          out_(out),
          order_(order),
          owner_(owner),
          first_(first),
          names_(names),
          bare_(first.group().group(), cell) {}

    Result<void> run() {
        const Duration length = order_.length;
        const Instant end = io::boot_time() + length;
        Instant turn = io::boot_time();
        do {
            turn += length / slices;
            if (auto fine = order_.cold() ? cold(turn) : warm(turn); !fine) return fine;
            auto task = bare_.run(bare_rounds, length / slices / 5, first_.group().deadline());
            if (auto fine = first_.group().run(std::move(task)); !fine) return fine;
        } while (io::boot_time() < end);
        return {};
    }

    Yield yield;
    const std::vector<Duration>& floor() const { return bare_.times(); }

  private:
    Result<void> warm(Instant until) {
        first_.measure(names_, until, yield);
        if (yield.error) return std::unexpected(*yield.error);
        return {};
    }

    // A fresh process for each operation on each name: what it costs who has not met the name
    // before. Joining, and opening the session, are not counted.
    Result<void> cold(Instant until) {
        do {
            auto group = join_group(call_, out_);
            if (!group) return std::unexpected(group.error());
            Bencher fresh(std::move(*group), order_, owner_);
            if (auto fine = fresh.open(); !fine) return fine;
            fresh.measure(names_, Instant{}, yield);
            if (yield.error) return std::unexpected(*yield.error);
            if (auto fine = fresh.leave(); !fine) return fine;
        } while (io::boot_time() < until);
        return {};
    }

    const Invocation& call_;
    Output& out_;
    const Order& order_;
    const SessionOwner& owner_;
    Bencher& first_;
    const std::vector<std::string>& names_;
    BareLoop bare_;
};

double ms(Duration d) {
    return std::chrono::duration<double, std::milli>(d).count();
}

double percentile(std::vector<Duration>& times, std::size_t percent) {
    std::ranges::sort(times);
    return ms(times[std::min(times.size() - 1, times.size() * percent / 100)]);
}

const char* meaning(const std::string& op) {
    if (op == "propose") return "a change by a process that has not met the name, as a proposal is";
    if (op == "change") return "a change by the process that made the one before";
    if (op == "lock") return "acquire and release by a process that has not met the lock";
    return "acquire and release by the process that did so before";
}

void show(const Order& order, Yield& yield, std::vector<Duration> bare,
          const std::vector<std::string>& names, std::size_t disks, Output& out) {
    const auto count = static_cast<double>(yield.times.size());
    const double rate = count / std::chrono::duration<double>(yield.length).count();
    const double p50 = percentile(yield.times, 50);
    const double p99 = percentile(yield.times, 99);
    const double all = count * static_cast<double>(disks);
    const double writes = static_cast<double>(yield.counts.writes) / all;
    const double reads = static_cast<double>(yield.counts.reads) / all;
    const double submissions = static_cast<double>(yield.counts.submissions) / count;
    const std::string range =
        names.size() == 1 ? names.front() : fmt::format("{} to {}", names.front(), names.back());
    out.line(fmt::format("{:<9} {}; {} at once", order.op, meaning(order.op), order.concurrency));
    out.line(fmt::format("time      p50 {:.3f} ms, p99 {:.3f} ms, {} operations", p50, p99,
                         yield.times.size()));
    out.line(fmt::format("rate      {:.1f} per second", rate));
    const double messages = static_cast<double>(yield.counts.sends) / all;  // to agents
    out.line(fmt::format("cost      {:.2f} writes, {:.2f} reads and {:.2f} messages per disk, {:.2f} "
                         "submissions",
                         writes, reads, messages, submissions));
    Json object;
    object["op"] = order.op;
    object["concurrency"] = order.concurrency;
    object["length_ms"] = in_ms(yield.length);
    object["operations"] = yield.times.size();
    object["p50_ms"] = p50;
    object["p99_ms"] = p99;
    object["per_second"] = rate;
    object["writes_per_disk"] = writes;
    object["reads_per_disk"] = reads;
    object["messages_per_disk"] = messages;
    object["submissions"] = submissions;
    object["bare"] = nullptr;
    object["ratio"] = nullptr;
    if (!bare.empty()) {
        const double floor = percentile(bare, 50);
        const double tail = percentile(bare, 99);
        object["bare"] = {{"p50_ms", floor}, {"p99_ms", tail}, {"rounds", bare.size()}};
        object["ratio"] = p50 / floor;
        out.line(
            fmt::format("floor     one write and row read: p50 {:.3f} ms, p99 {:.3f} ms; ratio "
                        "{:.2f}",
                        floor, tail, p50 / floor));
    } else {
        out.line("floor     not measured: it is that of passive disks, with a majority open to us");
    }
    out.line(fmt::format("names     {}{}; they keep their cells", range,
                         order.locks() ? "" : ", removed again"));
    object["names"] = names;
    out.changed();  // its names keep their cells
    out.object(std::move(object));
}

}  // namespace

Result<int> run_bench(const Invocation& call, Output& out) {
    const Result<Order> order = understood(call);
    if (!order) return std::unexpected(order.error());
    auto joined = join_group(call, out);
    if (!joined) return std::unexpected(joined.error());
    const Result<node::ThisHost> host = node::this_host((*joined)->roster().common.group);
    if (!host) return std::unexpected(host.error());
    const SessionOwner owner{host->host.name, host->host.boot, static_cast<std::uint32_t>(getpid()),
                             "diskpaxos bench", node::unix_ms(), node::unix_ms};
    // Keeps its seat all the time: its slot makes the names this run's own. Where nobody has one, the
    // process does.
    Bencher first(std::move(*joined), *order, owner);
    OpenGroup& group = first.group();
    const bool announced = group.group().seat()->announced();
    const auto own = static_cast<std::uint16_t>(announced ? first.slot() : getpid() % 64);
    const std::vector<std::string> names = names_of(*order, own);
    if (auto fine = first.open(); !fine) return std::unexpected(fine.error());
    Yield warm_up;  // what an earlier run has left in the way costs nothing later
    first.measure(names, Instant{}, warm_up);
    if (warm_up.error) return std::unexpected(*warm_up.error);
    if (order->cold()) {  // a session is not kept while others are measured
        if (auto fine = first.leave(); !fine) return std::unexpected(fine.error());
    }
    const auto cell = cell_of(group, names.front());
    if (!cell) return std::unexpected(Error{Code::io, "the bench's own cell cannot be read"});

    Turns turns(call, out, *order, owner, first, *cell, names);
    if (auto fine = turns.run(); !fine) return std::unexpected(fine.error());
    if (auto fine = first.remove(names); !fine) return std::unexpected(fine.error());
    if (auto fine = first.leave(); !fine) return std::unexpected(fine.error());
    show(*order, turns.yield, turns.floor(), names, group.roster().present(), out);
    return 0;
}

}  // namespace diskpaxos::cli
