// How long operations take, beside the floor of tests/io/bare_loop.cpp on the same disks: in turns
// within one run, so that a noisy machine troubles all of them alike.
//
//   diskpaxos-latency ROUNDS BARE-LOOP DISK DISK DISK
//
// Makes the disks a group: scratch disks only. It prints one line per operation: p50 and p99 in
// microseconds, and p50 as a ratio to the bare loop's, the floor of one write and one row read.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>

#include "base/check.hpp"
#include "group/values.hpp"
#include "process.hpp"

namespace diskpaxos {
namespace {

using namespace std::chrono_literals;

constexpr Geometry geometry{.block_size = 512, .slots = 32, .ring = 2, .cells = 256};
constexpr unsigned bare_rounds = 40;  // per turn

using Times = std::vector<double>;  // microseconds

double percentile(Times& times, std::size_t percent) {
    std::ranges::sort(times);
    return times[std::min(times.size() - 1, times.size() * percent / 100)];
}

Verdict add_one(const CellView& base, Draft& draft) {
    put_number(draft.value, number_in(base.value) + 1);
    draft.state = CellState::set;
    return Verdict::write;
}

class Bench {
  public:
    Bench(Paths paths, std::string bare_loop)
        : paths_(std::move(paths)), bare_loop_(std::move(bare_loop)) {}

    void turn(unsigned number) {
        floor();
        Process fresh(paths_);
        CHECK(fresh.problem().empty());
        Directory directory(fresh.group());
        const std::string name = fmt::format("name-{}", number % 64);
        time(fresh, "propose, cold", [&] {
            return fresh.run(propose(directory, name, "mine", fresh.in(10s))).has_value();
        });
        time(fresh, "change, cold", [&] { return change(fresh); });
        settle(fresh);
        for (int i = 0; i < 10; ++i) time(fresh, "change, again", [&] { return change(fresh); });
        settle(fresh);
        for (int i = 0; i < 10; ++i) time(fresh, "read by the owner", [&] { return read(fresh); });
        Process other(paths_);
        CHECK(other.problem().empty());
        time(other, "read by another, first", [&] { return read(other); });
        settle(other);
    }

    void print() {
        const double floor = percentile(times_["bare loop"], 50);
        fmt::print("{:<24} {:>9} {:>9} {:>7} {:>6}\n", "", "p50 us", "p99 us", "ratio", "n");
        for (auto& [name, times] : times_) {
            const double middle = percentile(times, 50);
            // The bare loop tells its own p99 per turn: of those the middle one.
            Times& tail = name == "bare loop" ? bare_tail_ : times;
            fmt::print("{:<24} {:>9.1f} {:>9.1f} {:>7.2f} {:>6}\n", name, middle,
                       percentile(tail, name == "bare loop" ? 50 : 99), middle / floor,
                       times.size());
        }
    }

  private:
    template <class Operation>
    void time(Process& process, const std::string& name, Operation operation) {
        const Instant start = process.loop().now();
        CHECK(operation());
        const std::chrono::duration<double, std::micro> took = process.loop().now() - start;
        times_[name].push_back(took.count());
    }
    bool change(Process& process) const {
        const ChangeFn f = add_one;
        Cell& cell = process.group().cell(cell_);
        return std::holds_alternative<Committed>(process.run(cell.change(f, process.in(10s))));
    }
    bool read(Process& process) const {
        Cell& cell = process.group().cell(cell_);
        return std::holds_alternative<Committed>(process.run(cell.get(process.in(10s))));
    }
    void settle(Process& process) const { process.settle(cell_); }

    // One linked write and row read on each disk, a majority answered. It overwrites a block of the
    // last row, which belongs to a cell that nothing here uses; so it must not run beside us.
    void floor() {
        std::string call = fmt::format("{} {} 512 32768", bare_loop_, bare_rounds);
        for (const std::string& path : paths_) {
            call += fmt::format(" {}@{}", path, geometry.row(geometry.cells - 1).first * 512);
        }
        std::FILE* const out = popen(call.c_str(), "r");
        CHECK(out != nullptr);
        double middle = 0;
        double tail = 0;
        CHECK(std::fscanf(out, "majority p50=%lf p99=%lf", &middle, &tail) == 2);
        CHECK(pclose(out) == 0);
        times_["bare loop"].push_back(middle);
        bare_tail_.push_back(tail);
    }

    static constexpr std::uint32_t cell_ = 7;
    const Paths paths_;
    const std::string bare_loop_;
    std::map<std::string, Times> times_;
    Times bare_tail_;
};

}  // namespace
}  // namespace diskpaxos

int main(int argc, char** argv) {
    if (argc != 6) {
        fmt::print(stderr, "usage: diskpaxos-latency ROUNDS BARE-LOOP DISK DISK DISK\n");
        return 64;
    }
    const diskpaxos::Paths paths(argv + 3, argv + argc);
    diskpaxos::format_group(paths, diskpaxos::geometry);
    diskpaxos::Bench bench(paths, argv[2]);
    const auto rounds = std::strtoul(argv[1], nullptr, 10);
    if (rounds == 0) return 64;
    for (unsigned turn = 0; turn < rounds; ++turn) bench.turn(turn);
    bench.print();
    return 0;
}
