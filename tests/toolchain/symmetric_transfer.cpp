// Symmetric transfer without optimisation: g++ 12 makes real calls of it, so that a loop of awaits
// that end at once climbs the stack until it is gone.
// Rule to drop when this is right: "down into a child and back up lead through the run queue".
#include <sys/resource.h>
#include <unistd.h>

#include "tiny_task.hpp"

constexpr int awaits = 200'000;

TinyTask<int> one() { co_return 1; }

TinyTask<int> coroutine() {
    int sum = 0;
    for (int i = 0; i < awaits; ++i) sum += co_await one();
    co_return sum;
}

#ifdef AVOIDED
// What the run queue does: the parent is resumed from a loop, not from the child's end.
struct Looped {
    TinyTask<int> task;
    static inline std::coroutine_handle<> ready;
    bool await_ready() { return false; }
    void await_suspend(std::coroutine_handle<> parent) { ready = parent; }
    int await_resume() { return task.run(); }
};

TinyTask<int> looped() {
    int sum = 0;
    for (int i = 0; i < awaits; ++i) {
        Looped step{one()};
        sum += co_await step;
    }
    co_return sum;
}

int main() {
    auto task = looped();
    task.handle.resume();
    while (!task.handle.done()) std::exchange(Looped::ready, {}).resume();
    return *task.handle.promise().value == awaits ? 0 : 1;
}
#else
int main(int argc, char** argv) {
    if (argc == 1) {  // once more, with a stack that is the same on every machine
        const rlimit small{1 << 20, 1 << 20};
        const rlimit no_core{0, 0};
        if (setrlimit(RLIMIT_STACK, &small) != 0 || setrlimit(RLIMIT_CORE, &no_core) != 0) return 2;
        char again[] = "again";
        char* arguments[] = {argv[0], again, nullptr};
        execv(argv[0], arguments);
        return 2;
    }
    return verdict(coroutine, awaits);
}
#endif
