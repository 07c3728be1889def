#include "io/aside.hpp"

#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <memory>
#include <utility>

#include "io/signals_blocked.hpp"

namespace diskpaxos::io {

namespace {

// Enough for the resolver, and little where all that is mapped is locked in memory.
constexpr std::size_t stack = 512 * 1024;

void* perform(void* given) {
    const std::unique_ptr<std::function<void()>> work(static_cast<std::function<void()>*>(given));
    (*work)();
    return nullptr;
}

class Watched {
  public:
    Watched(Loop& loop, int fd) : loop_(loop), fd_(fd) { loop.watch_fd(fd, ready); }
    Watched(const Watched&) = delete;
    Watched& operator=(const Watched&) = delete;
    ~Watched() { loop_.forget_fd(fd_); }
    Event ready;

  private:
    Loop& loop_;
    int fd_;
};

}  // namespace

Bell::Bell() : fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

Bell::~Bell() {
    if (fd_ >= 0) close(fd_);
}

void Bell::ring() {
    rung_.store(true, std::memory_order_release);
    eventfd_write(fd_, 1);
}

bool start_aside(std::function<void()> work) {
    pthread_attr_t attributes;
    if (pthread_attr_init(&attributes) != 0) return false;
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attributes, stack);
    auto given = std::make_unique<std::function<void()>>(std::move(work));
    pthread_t thread{};
    const SignalsBlocked blocked;
    const bool started = pthread_create(&thread, &attributes, perform, given.get()) == 0;
    if (started) (void)given.release();  // the thread's now
    pthread_attr_destroy(&attributes);
    return started;
}

Task<void> heard(Loop& loop, const Bell& bell) {
    Watched watched(loop, bell.fd());
    while (!bell.has_rung()) {
        co_await watched.ready.wait();
        watched.ready.reset();
    }
}

}  // namespace diskpaxos::io
