// Memory for coroutine frames, kept in free lists by size: the hot path allocates nothing.
#pragma once

#include <cstddef>

namespace diskpaxos {

void* allocate_frame(std::size_t size);
void free_frame(void* frame, std::size_t size) noexcept;

}  // namespace diskpaxos
