// Two awaits as the arms of a conditional operator, with a result that has a destructor: g++ 12
// destroys it twice, or the one of the arm that was not taken.
// Rule to drop when this is right: "choose the task with ?:, and await what was chosen".
#include <string>

#include "tiny_task.hpp"

struct Text {
    Counted counted;
    std::string text;
    Text() = default;
    explicit Text(const char* t) : text(t) {}
};

TinyTask<Text> longer() { co_return Text("a text that is too long to live inside"); }
TinyTask<Text> other() { co_return Text("another text that does not fit inside"); }

bool volatile flag = true;

TinyTask<int> coroutine() {
    Text chosen;
    for (int i = 0; i < 2; ++i) {
#ifdef AVOIDED
        auto task = flag ? longer() : other();
        chosen = co_await task;
#else
        chosen = flag ? co_await longer() : co_await other();
#endif
    }
    co_return static_cast<int>(chosen.text.size());
}

int main() { return verdict(coroutine, 38); }
