// What locks cost, and how long a take-over takes: processes of their own, on real disks.
//
//   diskpaxos-lock-figures MODE TTL-MS [BARE-LOOP] DISK DISK DISK
//
//   latency             acquire and release, beside the bare loop on the same disks
//   pairs               acquire + release pairs a second: 1, 8, 32 processes, own locks and one
//   takeover            from kill -9 of the holder to the waiter's token, 20 times
//   renewal             I/Os a second and disk for 1, 1,000 and 10,000 held locks
//   join                from opening the disks to an open session
//
// Makes the disks a group: scratch disks only.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <array>
#include <atomic>
#include <deque>
#include <map>
#include <thread>

#include "base/check.hpp"
#include "lock/lock.hpp"
#include "process.hpp"
#include "system/child.hpp"

namespace diskpaxos {
namespace {

using namespace std::chrono_literals;

constexpr Geometry usual{.block_size = 512, .slots = 32, .ring = 2, .cells = 256};
constexpr Geometry crowded{.block_size = 512, .slots = 64, .ring = 2, .cells = 512};
constexpr Geometry many{.block_size = 512, .slots = 8, .ring = 2, .cells = 1U << 15};

double percentile(std::vector<double> times, std::size_t percent) {
    std::ranges::sort(times);
    return times[std::min(times.size() - 1, times.size() * percent / 100)];
}
double us(Duration time) { return std::chrono::duration<double, std::micro>(time).count(); }

// A process of the group with a session.
class Client {
  public:
    explicit Client(const Paths& paths)
        : process(paths),
          directory(process.group()),
          session(process.world(), directory,
                  static_cast<std::uint16_t>(process.group().seat()->slot),
                  SessionOwner{"here", {}, static_cast<std::uint32_t>(getpid()), "figures", 0}) {
        const Result<void> opened = process.run(session.open(process.in(60s)));
        if (!opened) fmt::print(stderr, "{}\n", opened.error().sentence);
        CHECK(opened);
    }
    Lock lock(std::string name) {
        return Lock(process.world(), directory, session, std::move(name));
    }
    std::uint64_t acquire(Lock& lock, Duration wait = 1h) {
        LockWish wish;
        wish.until = process.in(wait);
        wish.patience = 10s;
        const auto token = process.run(lock.acquire(wish));
        return token ? *token : 0;
    }
    bool release(Lock& lock) { return process.run(lock.release(process.in(10s))).has_value(); }
    void leave() { (void)process.run(session.leave(process.in(10s))); }

    Process process;
    Directory directory;
    Session session;
};

// One linked write and row read per disk, p50 of a few; overwrites a row that nothing here uses.
double bare_loop(const std::string& program, const Paths& paths) {
    std::string call = fmt::format("{} 100 512 32768", program);
    for (const std::string& path : paths) {
        call += fmt::format(" {}@{}", path, usual.row(usual.cells - 1).first * 512);
    }
    std::FILE* const out = popen(call.c_str(), "r");
    CHECK(out != nullptr);
    double middle = 0;
    double tail = 0;
    CHECK(std::fscanf(out, "majority p50=%lf p99=%lf", &middle, &tail) == 2);
    CHECK(pclose(out) == 0);
    return middle;
}

void latency(const Paths& paths, std::uint32_t ttl_ms, const std::string& program) {
    format_group(paths, usual, ttl_ms);
    std::map<std::string, std::vector<double>> times;
    std::vector<double> floors;
    for (int turn = 0; turn < 20; ++turn) {
        floors.push_back(bare_loop(program, paths));
        Client client(paths);
        const auto time = [&](const char* what, auto operation) {
            const Instant start = client.process.loop().now();
            CHECK(operation());
            times[what].push_back(us(client.process.loop().now() - start));
        };
        for (int name = 0; name < 5; ++name) {
            Lock lock = client.lock(fmt::format("lock-{}", name));
            time("acquire, cold", [&] { return client.acquire(lock) != 0; });
            time("release, first", [&] { return client.release(lock); });
            for (int again = 0; again < 20; ++again) {
                time("acquire, again", [&] { return client.acquire(lock) != 0; });
                time("release, again", [&] { return client.release(lock); });
            }
        }
        client.leave();
    }
    const double floor = percentile(floors, 50);
    fmt::print("{:<18} {:>9} {:>9} {:>7} {:>6}\n", "", "p50 us", "p99 us", "ratio", "n");
    fmt::print("{:<18} {:>9.0f} {:>9} {:>7.2f} {:>6}\n", "bare loop", floor, "", 1.0, floors.size());
    for (const auto& [name, taken] : times) {
        fmt::print("{:<18} {:>9.0f} {:>9.0f} {:>7.2f} {:>6}\n", name, percentile(taken, 50),
                   percentile(taken, 99), percentile(taken, 50) / floor, taken.size());
    }
}

constexpr std::size_t most = 64;
struct Board {  // what the children leave behind
    std::atomic<unsigned> ready = 0;
    std::atomic<bool> go = false;
    std::atomic<bool> stop = false;
    std::array<std::atomic<std::uint64_t>, most> count{};
    std::array<std::atomic<std::int64_t>, most> at{};
};

void contend(Client& client, const std::string& name, Board& board, std::size_t me) {
    Lock lock = client.lock(name);
    while (!board.stop) {
        if (client.acquire(lock, 2s) == 0) continue;
        if (!board.stop) ++board.count[me];
        (void)client.release(lock);
    }
    client.leave();
}

void pairs(const Paths& paths, std::uint32_t ttl_ms) {
    for (const bool one_lock : {false, true}) {
        for (const std::size_t processes : {1U, 8U, 32U}) {
            format_group(paths, crowded, ttl_ms);
            Shared<Board> board;
            std::deque<Child> children;
            for (std::size_t me = 0; me < processes; ++me) {
                children.emplace_back([&, me] {
                    Client client(paths);
                    ++board->ready;
                    while (!board->go) usleep(1000);
                    contend(client, one_lock ? "one" : fmt::format("own-{}", me), *board, me);
                });
            }
            while (board->ready < processes) usleep(1000);
            board->go = true;
            const Duration length = one_lock ? 20s : 5s;
            std::this_thread::sleep_for(length);
            board->stop = true;
            for (Child& child : children) CHECK(child.wait() == 0);
            std::uint64_t least = UINT64_MAX;
            std::uint64_t greatest = 0;
            std::uint64_t sum = 0;
            for (std::size_t me = 0; me < processes; ++me) {
                const std::uint64_t count = board->count[me];
                least = std::min(least, count);
                greatest = std::max(greatest, count);
                sum += count;
            }
            const double seconds = std::chrono::duration<double>(length).count();
            const double share = static_cast<double>(sum) / static_cast<double>(processes);
            fmt::print("{:<9} {:>2} processes: {:>7.1f} pairs/s; unluckiest {:.2f}, luckiest {:.2f} "
                       "of an equal share\n",
                       one_lock ? "one lock" : "own locks", processes,
                       static_cast<double>(sum) / seconds, static_cast<double>(least) / share,
                       static_cast<double>(greatest) / share);
        }
    }
}

void takeover(const Paths& paths, std::uint32_t ttl_ms) {
    constexpr std::size_t times = 20;
    format_group(paths, crowded, ttl_ms);
    Shared<Board> board;
    std::deque<Child> holders;
    std::deque<Child> waiters;
    for (std::size_t i = 0; i < times; ++i) {
        holders.emplace_back([&, i] {
            Client client(paths);
            Lock lock = client.lock(fmt::format("lock-{}", i));
            CHECK(client.acquire(lock) == 1);
            ++board->ready;
            client.process.loop().run_until(client.session.lost());  // renews for ever
        });
    }
    while (board->ready < times) usleep(1000);
    for (std::size_t i = 0; i < times; ++i) {
        waiters.emplace_back([&, i] {
            Client client(paths);
            Lock lock = client.lock(fmt::format("lock-{}", i));
            ++board->ready;
            CHECK(client.acquire(lock) == 2);
            board->at[i] = io::boot_time().time_since_epoch().count();
            client.leave();
        });
    }
    while (board->ready < 2 * times) usleep(1000);
    std::this_thread::sleep_for(std::chrono::milliseconds(ttl_ms));
    std::vector<double> seconds;
    std::vector<std::int64_t> killed;
    for (Child& holder : holders) {
        killed.push_back(io::boot_time().time_since_epoch().count());
        holder.kill();
        usleep(ttl_ms * 1000 / 37);  // at all phases of the renewal
    }
    for (std::size_t i = 0; i < times; ++i) {
        CHECK(waiters[i].wait() == 0);
        seconds.push_back(static_cast<double>(board->at[i] - killed[i]) / 1e9);
    }
    const Timing timing{std::chrono::milliseconds(ttl_ms)};
    fmt::print("takeover after kill -9, {} times: median {:.2f} s, least {:.2f} s, worst {:.2f} s "
               "(TTL + renewal: {:.2f} s)\n",
               times, percentile(seconds, 50), std::ranges::min(seconds),
               std::ranges::max(seconds),
               std::chrono::duration<double>(timing.ttl() + timing.renewal()).count());
}

Task<bool> sleep_for(Clock& clock, Duration time) {
    co_await clock.sleep(time);
    co_return true;
}

void renewal(const Paths& paths, std::uint32_t ttl_ms) {
    format_group(paths, many, ttl_ms);
    Client client(paths);
    std::deque<Lock> locks;
    for (const std::size_t held : {1U, 1000U, 10000U}) {
        while (locks.size() < held) {
            locks.push_back(client.lock(fmt::format("lock-{}", locks.size())));
            CHECK(client.acquire(locks.back()) != 0);
        }
        const io::Counts before = client.process.loop().counts();
        const std::uint64_t renewals = client.session.renewals();
        const Duration time = 4 * std::chrono::milliseconds(ttl_ms);
        client.process.run(sleep_for(client.process.loop(), time));
        const io::Counts after = client.process.loop().counts();
        const double seconds = std::chrono::duration<double>(time).count() * 3;  // of each disk
        fmt::print("{:>6} locks held: {:.2f} writes and {:.2f} reads a second and disk, {} renewals\n",
                   held, static_cast<double>(after.writes - before.writes) / seconds,
                   static_cast<double>(after.reads - before.reads) / seconds,
                   client.session.renewals() - renewals);
    }
}

void join(const Paths& paths, std::uint32_t ttl_ms) {
    format_group(paths, usual, ttl_ms);
    std::vector<double> times;
    for (int turn = 0; turn < 50; ++turn) {
        const Instant start = io::boot_time();
        Client client(paths);
        times.push_back(us(io::boot_time() - start) / 1000);
        client.leave();
    }
    fmt::print("join (open, assemble, seat, session): p50 {:.1f} ms, p99 {:.1f} ms\n",
               percentile(times, 50), percentile(times, 99));
}

}  // namespace
}  // namespace diskpaxos

int main(int argc, char** argv) {
    const std::vector<std::string> words(argv, argv + argc);
    const bool with_loop = words.size() > 1 && words[1] == "latency";
    const std::size_t disks = with_loop ? 4 : 3;
    if (words.size() != disks + 3) {
        fmt::print(stderr, "usage: diskpaxos-lock-figures latency|pairs|takeover|renewal|join "
                           "TTL-MS [BARE-LOOP] DISK DISK DISK\n");
        return 64;
    }
    const diskpaxos::Paths paths(words.end() - 3, words.end());
    const auto ttl_ms = static_cast<std::uint32_t>(std::strtoul(words[2].c_str(), nullptr, 10));
    if (with_loop) diskpaxos::latency(paths, ttl_ms, words[3]);
    else if (words[1] == "pairs") diskpaxos::pairs(paths, ttl_ms);
    else if (words[1] == "takeover") diskpaxos::takeover(paths, ttl_ms);
    else if (words[1] == "renewal") diskpaxos::renewal(paths, ttl_ms);
    else if (words[1] == "join") diskpaxos::join(paths, ttl_ms);
    else return 64;
    return 0;
}
