// Child: a process that runs a function of this program and can be killed at any moment.
// Shared: memory that it leaves its notes in, and that outlives it.
#pragma once

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <functional>
#include <new>

#include "base/check.hpp"

namespace diskpaxos {

class Child {
  public:
    // Fork before this program has loops or threads of its own: neither survives a fork.
    explicit Child(const std::function<void()>& body) : pid_(fork()) {
        CHECK(pid_ >= 0);
        if (pid_ > 0) return;
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        body();
        _exit(0);
    }
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;
    ~Child() { kill(); }

    pid_t pid() const { return pid_; }
    void kill() {
        if (pid_ < 0) return;
        ::kill(pid_, SIGKILL);
        wait();
    }
    int wait() {  // its exit status
        int status = 0;
        CHECK(waitpid(pid_, &status, 0) == pid_);
        pid_ = -1;
        return status;
    }

  private:
    pid_t pid_;
};

template <class T>
class Shared {
  public:
    Shared()
        : memory_(
              mmap(nullptr, sizeof(T), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)) {
        CHECK(memory_ != MAP_FAILED);
        new (memory_) T();
    }
    Shared(const Shared&) = delete;
    Shared& operator=(const Shared&) = delete;
    ~Shared() { munmap(memory_, sizeof(T)); }
    T& operator*() const { return *static_cast<T*>(memory_); }
    T* operator->() const { return static_cast<T*>(memory_); }

  private:
    void* memory_;
};

}  // namespace diskpaxos
