// CHECK: on in every build. Crashing turns a safety bug into a liveness bug.
#pragma once

namespace diskpaxos {

[[noreturn]] void check_failed(const char* condition, const char* file, int line);

}  // namespace diskpaxos

#define CHECK(condition)                                                    \
    do {                                                                    \
        if (!(condition)) [[unlikely]]                                      \
            ::diskpaxos::check_failed(#condition, __FILE__, __LINE__);      \
    } while (false)
#define UNREACHABLE() ::diskpaxos::check_failed("unreachable", __FILE__, __LINE__)
