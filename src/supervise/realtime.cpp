#include "supervise/realtime.hpp"

#include <fmt/format.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <string>

namespace diskpaxos {

namespace {

bool has_capability(unsigned number) {
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);) {
        if (!line.starts_with("CapEff:")) continue;
        return (std::stoull(line.substr(7), nullptr, 16) >> number & 1) != 0;
    }
    return false;
}

std::uint64_t limit_of(__rlimit_resource resource) {
    rlimit limit{};
    return getrlimit(resource, &limit) == 0 ? limit.rlim_cur : 0;
}

// sched_setscheduler says EPERM to two different things.
Realtime::Grant refused_scheduling(int error) {
    if (error == EPERM && !has_capability(CAP_SYS_NICE) && limit_of(RLIMIT_RTPRIO) == 0) {
        return {false, "neither CAP_SYS_NICE nor a limit on the real-time priority (RLIMIT_RTPRIO)",
                "LimitRTPRIO=1 in the unit, or \"rtprio 1\" in limits.conf"};
    }
    if (error == EPERM) {
        return {false, "the control group has no real-time bandwidth",
                "give it some (cpu.rt_runtime_us), or move the process to the root group"};
    }
    return {false, std::strerror(error), "ask the kernel's log"};
}

Realtime::Grant refused_memory(int error) {
    if (error != ENOMEM && error != EPERM) return {false, std::strerror(error), ""};
    return {
        false,
        fmt::format("only {} KiB may be locked (RLIMIT_MEMLOCK)", limit_of(RLIMIT_MEMLOCK) / 1024),
        "LimitMEMLOCK=infinity in the unit, or \"memlock unlimited\" in limits.conf"};
}

// Under a limit, memory that is locked as it is mapped makes mmap() and malloc() fail later on, and
// a stack that grows is a crash. Better nothing is locked than that.
bool may_grow() {
    const std::uint64_t limit = limit_of(RLIMIT_MEMLOCK);
    if (limit == RLIM_INFINITY) return true;
    // With what is locked already, this is too much for whom the limit holds.
    const std::uint64_t much = limit + 4096;
    void* room = mmap(nullptr, much, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (room == MAP_FAILED) return false;
    munmap(room, much);
    return true;
}

// What is mapped now, comes in now: code that is needed at the deadline must not be read from a
// disk that hangs. What is mapped later stays in once it is touched; a thread's stack is mostly
// not.
bool lock_memory() {
    if (mlockall(MCL_CURRENT) != 0) return false;
    if (mlockall(MCL_FUTURE | MCL_ONFAULT) == 0 && may_grow()) return true;
    munlockall();
    errno = ENOMEM;
    return false;
}

}  // namespace

Realtime::Realtime() {
    sched_param parameter{};
    policy_before_ = sched_getscheduler(0);
    sched_getparam(0, &parameter);
    priority_before_ = parameter.sched_priority;

    parameter.sched_priority = sched_get_priority_min(SCHED_RR);
    if (sched_setscheduler(0, SCHED_RR | SCHED_RESET_ON_FORK, &parameter) == 0) {
        scheduling_.granted = true;
    } else {
        scheduling_ = refused_scheduling(errno);
    }
    if (lock_memory()) {
        memory_.granted = true;
    } else {
        memory_ = refused_memory(errno);
    }
}

Realtime::~Realtime() {
    if (memory_.granted) munlockall();
    if (!scheduling_.granted) return;
    const sched_param parameter{.sched_priority = priority_before_};
    sched_setscheduler(0, policy_before_, &parameter);
}

}  // namespace diskpaxos
