// When a watchdog may be petted (algorithms.md 9.2, H5). Pure: no device here.
#pragma once

#include "async/timer.hpp"

namespace diskpaxos {

// A pet keeps the machine alive for `timeout` and the watchdog takes up to `reserve` to act. By
// then the session must not have run out, or an unkillable CMD could outlive it.
bool may_pet(Instant now, Duration timeout, Duration reserve, Instant valid_until);

// How often to pet: thrice in its timeout, so that one late pet does not cost the machine.
Duration pet_interval(Duration timeout);

}  // namespace diskpaxos
