// Storm: processes that step on one register of a LUN in memory while commands are lost, late,
// repeated and put in another order, and the power is cut. One seed is one storm.
#pragma once

#include <cstdint>
#include <string>

namespace diskpaxos::scsi {

struct StormReport {
    std::string fault;  // what was broken; empty: nothing
    unsigned done = 0;
    unsigned refused = 0;
    unsigned errors = 0;
    unsigned misses = 0;
    unsigned power_cuts = 0;
};

StormReport storm(std::uint64_t seed);

}  // namespace diskpaxos::scsi
