// Delivery: where the callbacks of asynchronous calls are made: at once on the library's own
// thread, or later by whoever dispatches. Either way each is made once.
#pragma once

#include <functional>
#include <mutex>
#include <vector>

#include "io/open_disk.hpp"

namespace diskpaxos::library {

class Delivery {
  public:
    explicit Delivery(bool at_once);

    void put(std::function<void()> callback);  // by the library's own thread only
    std::size_t dispatch();                    // by any thread
    int fd() const { return fd_.number(); }    // readable while there is something to dispatch

  private:
    const bool at_once_;
    const io::Descriptor fd_;
    std::mutex mutex_;
    std::vector<std::function<void()>> waiting_;
};

}  // namespace diskpaxos::library
