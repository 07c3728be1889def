#include "supervise/terminal.hpp"

#include <fcntl.h>
#include <unistd.h>

namespace diskpaxos {

Terminal::Terminal(pid_t owner_group)
    : owner_group_(owner_group), fd_(open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY)) {}

Terminal::~Terminal() {
    if (fd_ >= 0) close(fd_);
}

bool Terminal::lend(pid_t group) {
    if (fd_ < 0) return false;
    const pid_t present = tcgetpgrp(fd_);
    if (present == group) return lent_ = true;
    if (present != owner_group_ || tcsetpgrp(fd_, group) != 0) return false;
    return lent_ = true;
}

// Whoever has it by now: CMD may have lent it on to jobs of its own.
void Terminal::take_back() {
    if (lent_) tcsetpgrp(fd_, owner_group_);
    lent_ = false;
}

}  // namespace diskpaxos
