// Everything that descends from this process, however it tried to get away: a process that set
// PR_SET_CHILD_SUBREAPER inherits the orphans among its descendants, so daemons that forked twice
// or began a session of their own stay in its tree. It has no descendants exactly when waitpid()
// says that it has no children.
#pragma once

#include <sys/types.h>

namespace diskpaxos {

// False where the kernel does not tell (/proc is not mounted, or has no lists of children).
bool descendants_are_known();

// Sends `signal` to this process, by its descriptor, or by its number where the kernel or a filter
// (seccomp) refuses descriptors. The number must still be its own. False: it is gone, or neither is
// permitted.
bool send_signal(int pidfd, pid_t pid, int signal);

// Sends `signal` to every descendant but those in process group `spared` (0: to all). Who is born
// meanwhile may be missed: to kill them all, repeat until there is nobody to wait for.
void signal_descendants(int signal, pid_t spared = 0);

}  // namespace diskpaxos
