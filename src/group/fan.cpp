#include "group/fan.hpp"

#include <algorithm>

namespace diskpaxos {

Task<bool> Fan::gather(const std::function<bool()>& enough, Instant deadline, Duration patience) {
    while (!all_done() && world_.clock.now() < deadline) {
        const Instant until = std::min(deadline, world_.clock.now() + patience);
        co_await scope_.idle().wait_until(world_.clock, until);
        if (enough()) break;
    }
    co_return enough();
}

}  // namespace diskpaxos
