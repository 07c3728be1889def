#include "io/os_random.hpp"

#include <sys/random.h>

#include "base/check.hpp"

namespace diskpaxos::io {

std::uint64_t OsRandom::below(std::uint64_t n) {
    CHECK(n > 0);
    const std::uint64_t limit = n * (~std::uint64_t{0} / n);  // reject the uneven tail
    for (;;) {
        std::uint64_t draw = 0;
        // Up to 256 bytes are never cut short or interrupted once the pool is ready; before that
        // a signal may interrupt the wait.
        if (getrandom(&draw, sizeof draw, 0) != static_cast<ssize_t>(sizeof draw)) continue;
        if (draw < limit) return draw % n;
    }
}

}  // namespace diskpaxos::io
