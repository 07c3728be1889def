// co_await inside a braced list: g++ 12 refuses it ("array used as initializer").
// Rule to drop when this is right: "await into names, then build the list".
#include <vector>

#include "tiny_task.hpp"

TinyTask<int> give(int value) { co_return value; }

TinyTask<int> coroutine() {
#ifdef AVOIDED
    const int first = co_await give(1);
    const int second = co_await give(2);
    std::vector<int> both{first, second};
#else
    std::vector<int> both{co_await give(1), co_await give(2)};
#endif
    co_return both[0] + both[1];
}

int main() { return verdict(coroutine, 3); }
