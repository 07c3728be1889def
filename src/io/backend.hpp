// Which of the two backends carries the I/O. They behave alike; io_uring costs fewer system calls
// and no threads.
#pragma once

#include <memory>
#include <string>

#include "diskpaxos/error.hpp"
#include "io/loop.hpp"

namespace diskpaxos::io {

enum class Backend : std::uint8_t { automatic, uring, threads };

struct MadeLoop {
    std::unique_ptr<Loop> loop;
    std::string remark;  // why it is not io_uring, and what to do about it; empty if it is
};

// `automatic` obeys DISKPAXOS_IO=uring|threads and otherwise falls back to threads where io_uring
// is refused.
Result<MadeLoop> make_loop(Backend backend = Backend::automatic);

// The likely cause of a refused io_uring_setup, in one sentence.
std::string why_refused(int error);

}  // namespace diskpaxos::io
