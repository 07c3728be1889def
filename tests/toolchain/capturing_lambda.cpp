// A temporary lambda with captures in an expression with co_await: g++ 12 destroys the captured
// objects twice.
// Rule to drop when this is right: "name the lambda before the co_await".
#include "tiny_task.hpp"

template <class F>
TinyTask<int> call(F f) {
    co_return f();
}

TinyTask<int> coroutine() {
    Counted counted;
#ifdef AVOIDED
    auto named = [counted] { return 1; };
    co_return co_await call(named);
#else
    co_return co_await call([counted] { return 1; });
#endif
}

int main() { return verdict(coroutine, 1); }
