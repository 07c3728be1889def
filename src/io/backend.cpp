#include "io/backend.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <string_view>

#include "base/errno_text.hpp"
#include "io/threads.hpp"
#include "io/uring.hpp"

namespace diskpaxos::io {

namespace {

Result<Backend> wished() {
    const char* variable = std::getenv("DISKPAXOS_IO");
    const std::string_view word = variable == nullptr ? "" : variable;
    if (word.empty()) return Backend::automatic;
    if (word == "uring") return Backend::uring;
    if (word == "threads") return Backend::threads;
    return std::unexpected(Error{
        Code::usage, fmt::format("DISKPAXOS_IO is \"{}\"; it can be uring or threads", word)});
}

bool disabled_by_sysctl() {
    std::ifstream file("/proc/sys/kernel/io_uring_disabled");
    int value = 0;
    return file >> value && value != 0;
}

}  // namespace

std::string why_refused(int error) {
    switch (error) {
        case ENOSYS:
            return "io_uring is not available: the kernel is older than 5.11 or built without it, "
                   "or a seccomp filter hides it";
        case EPERM:
            if (disabled_by_sysctl()) {
                return "io_uring is switched off by the sysctl kernel.io_uring_disabled";
            }
            return "io_uring is not permitted: most likely by the seccomp profile of a container";
        case ENOMEM:
            return "io_uring has no memory for its rings: raise the limit of locked memory "
                   "(ulimit -l)";
        default:
            return fmt::format("io_uring is refused: {}", errno_text(error));
    }
}

Result<MadeLoop> make_loop(Backend backend) {
    if (backend == Backend::automatic) {
        const Result<Backend> wish = wished();
        if (!wish) return std::unexpected(wish.error());
        backend = *wish;
    }
    if (backend == Backend::threads) return MadeLoop{std::make_unique<ThreadLoop>(), {}};

    auto made = UringLoop::make();
    if (made) return MadeLoop{std::move(*made), {}};
    std::string cause = why_refused(made.error());
    if (backend == Backend::uring) return std::unexpected(Error{Code::io, std::move(cause)});
    return MadeLoop{std::make_unique<ThreadLoop>(), std::move(cause)};
}

}  // namespace diskpaxos::io
