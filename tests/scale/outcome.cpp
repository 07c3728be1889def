#include "scale/outcome.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

namespace diskpaxos::scale {

namespace {

double microseconds(const std::vector<Duration>& sorted, std::size_t percent) {
    const std::size_t at = std::min(sorted.size() - 1, sorted.size() * percent / 100);
    return std::chrono::duration<double, std::micro>(sorted[at]).count();
}

}  // namespace

void fail(const std::string& sentence) {
    fmt::print(stderr, "diskpaxos-load: {}\n", sentence);
    std::exit(1);
}

void show(std::vector<Duration> times, Duration length, const std::string& more) {
    if (times.empty()) fail("nothing was answered in time");
    std::ranges::sort(times);
    const double rate =
        static_cast<double>(times.size()) / std::chrono::duration<double>(length).count();
    fmt::print("{{\"per_second\": {:.1f}, \"p50_us\": {:.1f}, \"p99_us\": {:.1f}, \"n\": {}{}}}\n",
               rate, microseconds(times, 50), microseconds(times, 99), times.size(), more);
}

}  // namespace diskpaxos::scale
