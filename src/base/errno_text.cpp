#include "base/errno_text.hpp"

#include <cerrno>
#include <cstring>

namespace diskpaxos {

namespace {

const char* own_fault(int error) {
    switch (error) {
        case EMFILE:
            return "too many open files in this process; raise ulimit -n";
        case ENFILE:
            return "too many open files on this host; raise the sysctl fs.file-max";
        case ENOMEM:
            return "this host or this process has no memory left for it";
        case EDQUOT:
            return "the disk quota of this user is used up";
        case EINTR:
            return "a signal came in between; run it again";
        default:
            return nullptr;
    }
}

}  // namespace

bool is_own_fault(int error) {
    return own_fault(error) != nullptr;
}

std::string errno_text(int error) {
    if (error == error_untold) {
        return "it is damaged there, or the agent's store fails: which, the agent tells only who may "
               "read every name";
    }
    const char* known = own_fault(error);
    return known != nullptr ? known : std::strerror(error);
}

}  // namespace diskpaxos
