#include "bench/yardstick/outcome.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <ctime>
#include <fstream>

#include "io/counted_new.hpp"
#include "system/child.hpp"

namespace diskpaxos::yardstick {

namespace {

std::atomic<bool> alone_spoke = false;
std::atomic<bool>* spoke = &alone_spoke;

constexpr std::uint64_t io::Counts::* all_counts[] = {
    &io::Counts::writes, &io::Counts::reads, &io::Counts::submissions,
    &io::Counts::waits,  &io::Counts::sends, &io::Counts::receives};
constexpr const char* names[] = {"writes", "reads", "submissions", "waits", "sends", "receives"};

float percentile(const std::vector<float>& sorted, std::size_t percent) {
    return sorted[std::min(sorted.size() - 1, sorted.size() * percent / 100)];
}

std::string described(Series& series) {
    std::ranges::sort(series.times);
    return fmt::format(R"("{}": {{"operations": {}, "p50_us": {:.1f}, "p99_us": {:.1f}}})",
                       series.name, series.operations, percentile(series.times, 50),
                       percentile(series.times, 99));
}

std::string described(const Costs& costs, double operations) {
    std::string text;
    for (std::size_t i = 0; i < std::size(all_counts); ++i) {
        const auto count = static_cast<double>(costs.io.*all_counts[i]);
        text += fmt::format(R"("{}": {:.3f}, )", names[i], count / operations);
    }
    text += fmt::format(R"("cpu_us": {:.1f})", costs.cpu_us / operations);
    if (!allocations_are_counted) return text;
    return text + member("allocations", static_cast<double>(costs.allocations) / operations);
}

}  // namespace

double microseconds(Duration time) {
    return std::chrono::duration<double, std::micro>(time).count();
}

Costs Costs::so_far(const io::Counts& io) {
    timespec used{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    const double cpu_us =
        static_cast<double>(used.tv_sec) * 1e6 + static_cast<double>(used.tv_nsec) / 1e3;
    return {io, diskpaxos::allocations(), cpu_us};
}

Costs& Costs::operator+=(const Costs& other) {
    for (const auto count : all_counts) io.*count += other.io.*count;
    allocations += other.allocations;
    cpu_us += other.cpu_us;
    return *this;
}

Costs& Costs::operator-=(const Costs& other) {
    for (const auto count : all_counts) io.*count -= other.io.*count;
    allocations -= other.allocations;
    cpu_us -= other.cpu_us;
    return *this;
}

double machine_cpu_us() {
    std::ifstream file("/proc/stat");
    std::string word;
    double user = 0, nice = 0, system = 0, idle = 0, waiting = 0, interrupts = 0, soft = 0;
    file >> word >> user >> nice >> system >> idle >> waiting >> interrupts >> soft;
    const double ticks = user + nice + system + interrupts + soft;
    return ticks * 1e6 / static_cast<double>(sysconf(_SC_CLK_TCK));
}

void Outcome::print() {
    if (operations == 0) fail("nothing was done in time; ask for more --seconds");
    std::string timed;
    for (Series& one : series) {
        if (!one.times.empty()) timed += (timed.empty() ? "" : ", ") + described(one);
    }
    std::string per_operation;
    if (costs) per_operation = described(*costs, static_cast<double>(operations));
    if (costs && machine_cpu_us) per_operation += member("machine_cpu_us", *machine_cpu_us);
    fmt::print(R"({{"seconds": {:.3f}, "operations": {}, "per_second": {:.1f}, "series": {{{}}}, )"
               R"("per_operation": {{{}}}{}}})"
               "\n",
               seconds, operations, per_second, timed, per_operation, more);
}

std::string member(const std::string& name, double value) {
    return fmt::format(R"(, "{}": {:.3f})", name, value);
}

void fail(const Error& error) {
    if (!spoke->exchange(true)) {
        fmt::print(stderr, "{}: {}\n", program_invocation_short_name, error.sentence);
        std::fflush(stderr);
    }
    _exit(exit_code(error.code));
}

void fail(const std::string& sentence) {
    fail(Error{Code::no, sentence});
}

void speak_for_all() {
    static const Shared<std::atomic<bool>> shared;
    spoke = &*shared;
}

}  // namespace diskpaxos::yardstick
