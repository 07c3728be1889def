#include "async/frame_pool.hpp"

#include <array>
#include <new>
#include <utility>

#if defined(__SANITIZE_ADDRESS__)
#define DISKPAXOS_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define DISKPAXOS_ASAN 1
#endif
#endif

namespace diskpaxos {

#ifdef DISKPAXOS_ASAN

// The sanitizer must see every frame's birth and death.
void* allocate_frame(std::size_t size) { return ::operator new(size); }
void free_frame(void* frame, std::size_t size) noexcept { ::operator delete(frame, size); }

#else

namespace {

constexpr std::size_t step = 64;
constexpr std::size_t classes = 64;  // frames up to 4 KiB; larger ones go to the heap

struct Free {
    Free* next;
};

struct Pool {
    std::array<Free*, classes> lists{};
    ~Pool() {
        for (Free* list : lists) {
            while (list != nullptr) ::operator delete(std::exchange(list, list->next));
        }
    }
};

thread_local Pool pool;

constexpr std::size_t class_of(std::size_t size) { return (size - 1) / step; }

}  // namespace

void* allocate_frame(std::size_t size) {
    const std::size_t index = class_of(size);
    if (index >= classes) return ::operator new(size);
    Free*& list = pool.lists[index];
    if (list == nullptr) return ::operator new((index + 1) * step);
    return std::exchange(list, list->next);
}

void free_frame(void* frame, std::size_t size) noexcept {
    const std::size_t index = class_of(size);
    if (index >= classes) return ::operator delete(frame);
    pool.lists[index] = new (frame) Free{pool.lists[index]};
}

#endif

}  // namespace diskpaxos
