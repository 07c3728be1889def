// An aggregate with a braced list in it, inside an expression with co_await: g++ 12 refuses it.
// Rule to drop when this is right: "name the aggregate before the co_await".
#include <string>
#include <vector>

#include "tiny_task.hpp"

struct Batch {
    int id;
    std::vector<std::string> words;
};

TinyTask<int> count(Batch batch) {
    co_return batch.id + static_cast<int>(batch.words.size());
}

TinyTask<int> coroutine() {
#ifdef AVOIDED
    Batch named{.id = 5, .words = {"a word that is too long to live inside", "b"}};
    co_return co_await count(std::move(named));
#else
    co_return co_await count({.id = 5, .words = {"a word that is too long to live inside", "b"}});
#endif
}

int main() { return verdict(coroutine, 7); }
