// While it lives, threads are born with every signal blocked: signals belong to the threads that wait
// for them, and one that came elsewhere would cut a call short.
#pragma once

#include <pthread.h>

#include <csignal>

namespace diskpaxos::io {

class SignalsBlocked {
  public:
    SignalsBlocked() {
        sigset_t all;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before_);
    }
    SignalsBlocked(const SignalsBlocked&) = delete;
    SignalsBlocked& operator=(const SignalsBlocked&) = delete;
    ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

  private:
    sigset_t before_{};
};

}  // namespace diskpaxos::io
