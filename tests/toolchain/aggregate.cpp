// An aggregate with a non-trivial member, built inside an expression with co_await: g++ 12
// destroys it twice.
// Rule to drop when this is right: "name the aggregate before the co_await, or give it a constructor".
#include <string>

#include "tiny_task.hpp"

struct Pair {
    Counted counted;
    std::string text;
};

TinyTask<int> length(Pair pair) { co_return static_cast<int>(pair.text.size()); }

TinyTask<int> coroutine() {
#ifdef AVOIDED
    Pair named{Counted(), "a text that is too long to live inside"};
    co_return co_await length(std::move(named));
#else
    co_return co_await length(Pair{Counted(), "a text that is too long to live inside"});
#endif
}

int main() { return verdict(coroutine, 38); }
