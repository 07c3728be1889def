// What is granted is really had, given back, and not inherited by CMD.
#include <sched.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <sstream>

#include "child.hpp"
#include "owner.hpp"
#include "supervise/realtime.hpp"

namespace diskpaxos {
namespace {

long locked_kib() {
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);) {
        if (line.starts_with("VmLck:")) return std::stol(line.substr(6));
    }
    return -1;
}

TEST(RealtimeTest, WhatIsGrantedIsHadAndGivenBack) {
    {
        const Realtime realtime;
        EXPECT_EQ(sched_getscheduler(0) == (SCHED_RR | SCHED_RESET_ON_FORK),
                  realtime.scheduling().granted);
        EXPECT_EQ(realtime.scheduling().refusal.empty(), realtime.scheduling().granted);
        EXPECT_EQ(realtime.memory().refusal.empty(), realtime.memory().granted);
#if !defined(__SANITIZE_ADDRESS__)  // which does not let memory be locked
        EXPECT_EQ(locked_kib() > 1000, realtime.memory().granted);
#endif
    }
    EXPECT_EQ(sched_getscheduler(0), SCHED_OTHER);
    EXPECT_EQ(locked_kib(), 0);
}

TEST(RealtimeTest, ARefusalNamesItsCauseAndRemedy) {
    if (geteuid() != 0) GTEST_SKIP() << "only root can become somebody without rights";
    Child nobody([] {
        const rlimit none{0, 0};
        setrlimit(RLIMIT_RTPRIO, &none);
        setrlimit(RLIMIT_MEMLOCK, &none);
        if (setuid(65534) != 0) _exit(9);
        const Realtime realtime;
        const bool both = !realtime.scheduling().granted && !realtime.memory().granted;
        const bool named = realtime.scheduling().refusal.find("RTPRIO") != std::string::npos &&
                           realtime.memory().refusal.find("0 KiB") != std::string::npos &&
                           realtime.scheduling().remedy.find("LimitRTPRIO") != std::string::npos;
#if defined(__SANITIZE_ADDRESS__)
        _exit(realtime.scheduling().granted ? 1 : 0);
#endif
        _exit(both && named ? 0 : 1);
    });
    EXPECT_EQ(nobody.wait(), 0);
}

// Locking as one maps, up to a limit, would make malloc fail in the middle of things.
TEST(RealtimeTest, UnderALimitNothingIsLockedAndMemoryCanBeHad) {
    if (geteuid() != 0) GTEST_SKIP() << "only root can become somebody without rights";
    Child nobody([] {
        constexpr std::size_t limit = 512 << 20;
        const rlimit enough_for_now{limit, limit};
        setrlimit(RLIMIT_MEMLOCK, &enough_for_now);
        if (setuid(65534) != 0) _exit(9);
        const Realtime realtime;
        const void* memory = mmap(nullptr, 2 * limit, PROT_READ | PROT_WRITE,
                                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
#if !defined(__SANITIZE_ADDRESS__)
        if (realtime.memory().granted || locked_kib() != 0) _exit(2);
#endif
        _exit(memory == MAP_FAILED ? 1 : 0);
    });
    EXPECT_EQ(nobody.wait(), 0);
}

TEST(RealtimeTest, TheCommandInheritsNeitherAndKeepsItsNiceness) {
    const Scratch scratch;
    Child niced([&scratch] {
        if (nice(5) != 5) _exit(9);
        Owner owner;
        const Realtime realtime;
        // Fields 19 and 41 of stat: niceness and policy.
        const Words words = script(scratch,
                                   "cut -d' ' -f19,41 /proc/self/stat > $D/out\n"
                                   "grep VmLck /proc/self/status >> $D/out");
        _exit(owner.run(words).code);
    });
    EXPECT_EQ(niced.wait(), 0);
    std::ostringstream text;
    text << std::ifstream(scratch.file("out")).rdbuf();
    EXPECT_EQ(text.str(), "5 0\nVmLck:\t       0 kB\n");
}

}  // namespace
}  // namespace diskpaxos
