// A braced list inside an expression with co_await: g++ 12 refuses it ("array used as initializer").
// Rule to drop when this is right: "name the list before the co_await".
#include <string>
#include <vector>

#include "tiny_task.hpp"

TinyTask<int> count(std::vector<std::string> words) { co_return static_cast<int>(words.size()); }

TinyTask<int> coroutine() {
#ifdef AVOIDED
    std::vector<std::string> named{"a word that is too long to live inside", "b"};
    co_return co_await count(std::move(named));
#else
    co_return co_await count({"a word that is too long to live inside", "b"});
#endif
}

int main() { return verdict(coroutine, 2); }
