#include "api/delivery.hpp"

#include <sys/eventfd.h>

#include <utility>

#include "base/check.hpp"

namespace diskpaxos::library {

Delivery::Delivery(bool at_once) : at_once_(at_once), fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    CHECK(fd_.number() >= 0);
}

void Delivery::put(std::function<void()> callback) {
    if (at_once_) return callback();
    const std::lock_guard guard(mutex_);
    if (waiting_.empty()) CHECK(eventfd_write(fd_.number(), 1) == 0);
    waiting_.push_back(std::move(callback));
}

// Without the lock, so that callbacks may make calls; what these put there is left for the next.
std::size_t Delivery::dispatch() {
    std::vector<std::function<void()>> callbacks;
    {
        const std::lock_guard guard(mutex_);
        eventfd_t count = 0;
        eventfd_read(fd_.number(), &count);  // fails if nothing waits, which is fine
        callbacks = std::exchange(waiting_, {});
    }
    for (const std::function<void()>& callback : callbacks) callback();
    return callbacks.size();
}

}  // namespace diskpaxos::library
