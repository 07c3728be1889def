#include "supervise/watchdog_rule.hpp"

namespace diskpaxos {

// Subtracting from the far end: nothing that a clock says can overflow here.
bool may_pet(Instant now, Duration timeout, Duration reserve, Instant valid_until) {
    return now <= valid_until && valid_until - now >= timeout + reserve;
}

Duration pet_interval(Duration timeout) {
    return timeout / 3;
}

}  // namespace diskpaxos
