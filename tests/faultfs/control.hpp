// The control socket: one line in, one line out, then the connection is closed.
//
//   DISK[.PATH] VERB …       without .PATH: all paths to that disk
//
//   hang r|w|rw                     hold these requests from now on
//   release                         carry out what is held and stop hanging: late writes land
//   drop                            answer EIO to what is held, undone, and stop hanging
//   error r|w|rw ERRNO              fail these requests from now on; 0: no longer
//   delay r|w|rw MICROSECONDS       answer late from now on; 0: no longer
//   tear SECTORS success|error|hang of the next write only the first SECTORS (of 512 bytes) land
//   lose N                          acknowledge the next N writes without doing them
//   misdirect OFFSET                the next write lands at byte OFFSET
//   shorten BYTES                   the next write does BYTES bytes and says so
//   clear                           no faults from now on; what is held stays held
//   stat                            answers "reads R writes W held H"
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "faulty_path.hpp"

namespace diskpaxos::faultfs {

inline constexpr unsigned paths_per_disk = 4;            // as from several hosts
using Paths = std::vector<std::unique_ptr<FaultyPath>>;  // disk 0's paths, disk 1's, …

// "ok", the answer of stat, or "error: …".
std::string obey(const std::string& line, const Paths& paths);

int listen_on(const char* socket_path);  // or -1 and errno
[[noreturn]] void serve(int listener, const Paths& paths);

}  // namespace diskpaxos::faultfs
