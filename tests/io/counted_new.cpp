#include "counted_new.hpp"

#include <atomic>
#include <cstdlib>
#include <new>

#if defined(__SANITIZE_ADDRESS__)
#define DISKPAXOS_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define DISKPAXOS_ASAN 1
#endif
#endif

namespace {
std::atomic<std::uint64_t> count = 0;
}

namespace diskpaxos {
#ifdef DISKPAXOS_ASAN
const bool allocations_are_counted = false;
#else
const bool allocations_are_counted = true;
#endif
std::uint64_t allocations() {
    return count;
}
}  // namespace diskpaxos

#ifndef DISKPAXOS_ASAN  // the sanitizer's own operator new must stay

void* operator new(std::size_t size) {
    ++count;
    void* memory = std::malloc(size);
    if (memory == nullptr) std::abort();
    return memory;
}
void* operator new(std::size_t size, std::align_val_t alignment) {
    ++count;
    const auto unit = static_cast<std::size_t>(alignment);
    void* memory = std::aligned_alloc(unit, (size + unit - 1) / unit * unit);
    if (memory == nullptr) std::abort();
    return memory;
}
void* operator new[](std::size_t size) {
    return operator new(size);
}
void* operator new[](std::size_t size, std::align_val_t a) {
    return operator new(size, a);
}
void operator delete(void* memory) noexcept {
    std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
    std::free(memory);
}
void operator delete(void* memory, std::align_val_t) noexcept {
    std::free(memory);
}
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept {
    std::free(memory);
}
void operator delete[](void* memory) noexcept {
    std::free(memory);
}
void operator delete[](void* memory, std::size_t) noexcept {
    std::free(memory);
}
void operator delete[](void* memory, std::align_val_t) noexcept {
    std::free(memory);
}

#endif
