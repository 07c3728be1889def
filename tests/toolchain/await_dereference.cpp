// co_await of an lvalue that a call gives (*unique_ptr, *optional, array[i], object.place()): g++ 12
// awaits a copy, so that what it registered in itself is lost (in real code the wake-up, and the
// program hangs).
// Rules to drop when this is right: "no co_await *p". That awaitables can be neither copied nor
// moved stays: it makes this a compile error.
#include <memory>

#include "tiny_task.hpp"

struct Place {  // remembers where it was awaited
    bool await_ready() { return false; }
    bool await_suspend(std::coroutine_handle<>) {
        seen_at = this;
        return false;
    }
    void await_resume() {}
    Place* seen_at = nullptr;
};

TinyTask<int> coroutine() {
    const auto pointer = std::make_unique<Place>();
#ifdef AVOIDED
    Place& named = *pointer;
    co_await named;
#else
    co_await *pointer;
#endif
    co_return pointer->seen_at == pointer.get() ? 1 : 0;
}

int main() { return verdict(coroutine, 1); }
