#include "bench/yardstick/stage.hpp"

#include <fmt/format.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdlib>
#include <deque>
#include <thread>

#include "async/scope.hpp"
#include "system/child.hpp"

namespace diskpaxos::yardstick {

namespace {

constexpr std::size_t most_times = 1 << 18;
constexpr Duration pause_between_looks = std::chrono::milliseconds(1);

// The times of one series. When it is full, every second one goes, and from then on only every
// second one comes.
struct Track {
    Track() {}  // touches no page of `times`
    std::uint64_t operations = 0;
    std::size_t kept = 0;
    std::uint64_t stride = 1;
    std::array<float, most_times> times;

    void add(float took) {
        if (operations++ % stride != 0) return;
        if (kept == times.size()) {
            for (std::size_t i = 0; i < kept / 2; ++i) times[i] = times[2 * i];
            kept /= 2;
            stride *= 2;
            if ((operations - 1) % stride != 0) return;
        }
        times[kept++] = took;
    }
};

}  // namespace

struct Ledger {
    Ledger() {}
    std::uint64_t operations = 0;
    double seconds = 0;
    Costs costs;
    std::array<Track, most_series> tracks;
};

struct Board {
    Board() {}
    std::atomic<unsigned> ready = 0;
    std::atomic<bool> go = false;
    Moment begin;
    Moment end;
    std::array<Ledger, most_processes> ledgers;
};

// ---- what each process does

Meter::Meter(Board& board, unsigned me) : board_(board), ledger_(board.ledgers[me]), me_(me) {}

void Meter::ready() {
    ++board_.ready;
    while (!board_.go) std::this_thread::sleep_for(pause_between_looks);
}

void Meter::ready(io::Loop& loop) {
    const auto look = [](Board& board, Clock& clock) -> Task<void> {
        while (!board.go) co_await clock.sleep(pause_between_looks);
    };
    ++board_.ready;
    Scope scope(loop.queue());
    scope.spawn(look(board_, loop));
    loop.run_until(scope.idle());
}

void Meter::note(std::size_t series, double took_us) {
    if (running_) ledger_.tracks[series].add(static_cast<float>(took_us));
}

bool Meter::lap(const io::Counts& counts, Moment done) {
    count();
    if (running_ && done >= board_.end) {
        pause(counts);
        over_ = true;
    } else if (!running_ && !over_ && done >= board_.begin) {
        resume(counts);
    }
    return !over_;
}

bool Meter::warm() const {
    return now() >= board_.begin;
}
bool Meter::over() const {
    return now() >= board_.end;
}

void Meter::count() {
    if (running_) ++ledger_.operations;
}

void Meter::resume(const io::Counts& counts) {
    running_ = true;
    before_ = Costs::so_far(counts);
    resumed_ = now();
}

void Meter::pause(const io::Counts& counts) {
    const Moment paused = now();
    if (!running_) return;
    running_ = false;
    ledger_.seconds += std::chrono::duration<double>(paused - resumed_).count();
    ledger_.costs += Costs::so_far(counts);
    ledger_.costs -= before_;
}

// ---- what starts them, waits for them and adds up

// It is not reaped here.
void expect_all_alive() {
    siginfo_t ended{};
    if (waitid(P_ALL, 0, &ended, WEXITED | WNOHANG | WNOWAIT) != 0 || ended.si_pid == 0) return;
    expect_success(ended.si_code == CLD_EXITED ? W_EXITCODE(ended.si_status, 0) : ended.si_status);
    fail("a process has ended too early");
}

// Who has failed by itself has said why.
void expect_success(int status) {
    if (WIFSIGNALED(status)) fail(fmt::format("a process has died of signal {}", WTERMSIG(status)));
    if (status != 0) std::exit(WEXITSTATUS(status));
}

namespace {

void await_end(std::deque<Child>& children) {
    for (Child& child : children) expect_success(child.wait());
}

void start(Board& board, const Wish& wish) {
    while (board.ready < wish.processes) {
        std::this_thread::sleep_for(pause_between_looks);
        expect_all_alive();
    }
    const auto as_time = [](double seconds) {
        return std::chrono::ceil<Moment::duration>(std::chrono::duration<double>(seconds));
    };
    board.begin = now() + as_time(std::min(1.0, wish.seconds / 5));
    board.end = board.begin + as_time(wish.seconds);
    board.go = true;
}

Performance added_up(const Board& board, const Wish& wish, std::vector<std::string> series) {
    Performance sum;
    Outcome& outcome = sum.outcome;
    outcome.costs.emplace();
    for (std::string& name : series) outcome.series.push_back({std::move(name), 0, {}});
    for (unsigned process = 0; process < wish.processes; ++process) {
        const Ledger& ledger = board.ledgers[process];
        sum.operations.push_back(ledger.operations);
        outcome.operations += ledger.operations;
        outcome.seconds += ledger.seconds / wish.processes;
        *outcome.costs += ledger.costs;
        if (ledger.seconds > 0) {
            outcome.per_second += static_cast<double>(ledger.operations) / ledger.seconds;
        }
        for (std::size_t i = 0; i < outcome.series.size(); ++i) {
            const Track& track = ledger.tracks[i];
            Series& all = outcome.series[i];
            all.operations += track.operations;
            all.times.insert(all.times.end(), track.times.begin(),
                             track.times.begin() + static_cast<std::ptrdiff_t>(track.kept));
        }
    }
    return sum;
}

}  // namespace

Performance perform(const Wish& wish, Load load, std::vector<std::string> series,
                    const std::function<void(Meter&)>& body) {
    speak_for_all();
    const Shared<Board> board;
    std::deque<Child> children;  // they die with us, whatever we die of
    for (unsigned me = 0; me < wish.processes; ++me) {
        children.emplace_back([&, me] {
            Meter meter(*board, me);
            body(meter);
        });
    }
    start(*board, wish);
    std::this_thread::sleep_until(board->begin);
    const double before = machine_cpu_us();
    const Moment begin = now();
    std::this_thread::sleep_until(board->end);
    const double busy = machine_cpu_us() - before;
    const double seconds = std::chrono::duration<double>(now() - begin).count();
    await_end(children);
    Performance sum = added_up(*board, wish, std::move(series));
    if (load == Load::steady && sum.outcome.per_second > 0) {
        sum.outcome.machine_cpu_us = busy / (sum.outcome.per_second * seconds);
    }
    return sum;
}

}  // namespace diskpaxos::yardstick
