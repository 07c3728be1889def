// What the stand-in for a watchdog device and its test tell each other, in a file that both map.
#pragma once

#include <atomic>
#include <cstdint>

namespace diskpaxos::fakewatchdog {

struct Board {
    // The test says what the driver can do.
    std::atomic<std::uint32_t> options;           // WDIOF_…
    std::atomic<std::int32_t> longest = 1 << 20;  // seconds; a longer wish is cut to this
    std::atomic<std::int32_t> set_error = 0;      // errno of WDIOC_SETTIMEOUT
    std::atomic<std::int32_t> get_error = 0;      // errno of WDIOC_GETTIMEOUT
    std::atomic<std::int32_t> support_error = 0;  // errno of WDIOC_GETSUPPORT
    std::atomic<std::int32_t> pet_error = 0;      // errno of a write

    // The driver says what has come of it.
    std::atomic<std::int32_t> timeout = 10;
    std::atomic<std::int32_t> pets = 0;  // opening is one
    std::atomic<std::int32_t> closes = 0;
    std::atomic<bool> armed = false;
    std::atomic<std::int64_t> due = 0;  // CLOCK_BOOTTIME, nanoseconds: it resets the machine then
    std::atomic<bool> missed = false;   // and was petted after that
};
static_assert(sizeof(Board) == 56);  // tests/system/watchdog_test.py reads it, too

}  // namespace diskpaxos::fakewatchdog
