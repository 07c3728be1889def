// Errors as people and scripts meet them: one stable word, one exit code, one sentence that names
// the disk or lock and what to try.
#pragma once

#include <cstdint>
#include <expected>
#include <string>

namespace diskpaxos {

enum class Code : std::uint8_t {
    no,               // exit 1: the answer is no
    full,             // exit 1: no cell is left for a new name
    usage,            // exit 64: wrong arguments
    bad_data,         // exit 65: what is on the disks is not a sound group
    no_quorum,        // exit 69: too few disks answer; nothing was decided by this call
    unknown_outcome,  // exit 69: the change may be applied, now or later or never; a read settles it
    io,               // exit 69: one disk, needed by itself, failed
    busy,             // exit 75: the lock is held, and nothing else
    permission,       // exit 77: the disk or socket may not be opened
    lost,             // exit 79: what we held is not ours any more
    no_slot,          // exit 80: the group has no slot, session or place for one process more
    in_use,           // exit 81: somebody uses the disk, group, store or device
    applied,          // exit 82: the change was applied, but its own result cannot be known
    not_printed,      // exit 83: the change was applied, but its result could not be printed
    other_group,      // exit 65: a disk belongs to another group than the one that was named
};

const char* word(Code code);   // the stable word, as in "no_quorum"
int exit_code(Code code);      // 1, 64, 65, 69, 75, 77 or 79 to 83

struct Error {
    Code code = Code::no;
    std::string sentence;  // without the word, without a final full stop
};

template <class T>
using Result = std::expected<T, Error>;

}  // namespace diskpaxos
