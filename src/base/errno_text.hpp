// What an errno says to a person. Some tell of the thing that was asked for, others of this process
// or its host; a sentence must never explain one of those by the thing.
#pragma once

#include <cerrno>
#include <string>

namespace diskpaxos {

// An agent does not show us a block that it cannot read whole: it may be anybody's, so only who may
// read every name is told more. Damage on its disk, or an error of it.
inline constexpr int error_untold = EKEYREJECTED;

// Whether an agent has kept a block from us, for whatever reason.
constexpr bool not_shown(int error) {
    return error == EACCES || error == error_untold;
}

// Whether it says nothing about the thing: no more descriptors, memory or quota, or a signal.
bool is_own_fault(int error);

// In words; of one that is_own_fault() with the remedy.
std::string errno_text(int error);

}  // namespace diskpaxos
