// Terminal: the controlling terminal, lent to CMD's process group as a shell lends it to a job, so
// that CMD may read from it and Ctrl-C goes to CMD alone.
//
// Whoever calls this has SIGTTOU blocked: changing the foreground from the background raises it.
#pragma once

#include <sys/types.h>

namespace diskpaxos {

class Terminal {
  public:
    explicit Terminal(pid_t owner_group);
    Terminal(const Terminal&) = delete;
    Terminal& operator=(const Terminal&) = delete;
    ~Terminal();

    // Only if the owner's group has it at the moment: what runs in the background stays there.
    bool lend(pid_t group);
    bool lent() const { return lent_; }
    void take_back();

  private:
    const pid_t owner_group_;
    const int fd_;
    bool lent_ = false;
};

}  // namespace diskpaxos
