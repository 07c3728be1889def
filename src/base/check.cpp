#include "base/check.hpp"

#include <cstdio>
#include <cstdlib>

namespace diskpaxos {

void check_failed(const char* condition, const char* file, int line) {
    std::fprintf(stderr, "diskpaxos: internal error: CHECK(%s) failed at %s:%d\n", condition, file,
                 line);
    std::abort();
}

}  // namespace diskpaxos
