// World: time, chance and the run queue, handed to every constructor that needs them. The same
// objects live in the real world and in the simulator.
#pragma once

#include "async/clock.hpp"
#include "async/random.hpp"
#include "async/run_queue.hpp"
#include "async/trace.hpp"

namespace diskpaxos {

struct World {
    RunQueue& queue;
    Clock& clock;
    Random& random;
    Trace& trace;
};

}  // namespace diskpaxos
