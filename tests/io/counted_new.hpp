// How often this program has called operator new. In a file of its own, so that the compiler does
// not see through the pairs of new and delete.
#pragma once

#include <cstdint>

namespace diskpaxos {

extern const bool allocations_are_counted;  // not under the address sanitizer
std::uint64_t allocations();

}  // namespace diskpaxos
