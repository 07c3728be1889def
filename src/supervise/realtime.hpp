// Realtime: the calling thread runs before ordinary ones and its memory stays in, so that a busy
// machine cannot make it miss a renewal or a deadline. As much of that as is permitted; nothing
// here is needed for safety. What it forks inherits neither.
#pragma once

#include <string>

namespace diskpaxos {

class Realtime {
  public:
    Realtime();
    Realtime(const Realtime&) = delete;
    Realtime& operator=(const Realtime&) = delete;
    ~Realtime();  // gives both back

    struct Grant {
        bool granted = false;
        std::string refusal;  // why not, in one sentence
        std::string remedy;
    };
    const Grant& scheduling() const { return scheduling_; }
    const Grant& memory() const { return memory_; }

  private:
    Grant scheduling_;
    Grant memory_;
    int policy_before_ = 0;
    int priority_before_ = 0;
};

}  // namespace diskpaxos
