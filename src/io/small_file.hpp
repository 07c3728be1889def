// Small files of settings, which people write: keys, certificates, rules. Whatever stands at the
// path, reading it ends soon, and without an exception.
#pragma once

#include <sys/types.h>

#include <string>

#include "diskpaxos/error.hpp"

namespace diskpaxos::io {

inline constexpr std::size_t most_small_file_bytes = 1024 * 1024;

struct SmallFile {
    std::string text;
    mode_t mode = 0;
};

// `what` names it in the sentence of an error, as in "the key file". Refused: what is no ordinary
// file (a pipe might never end, a device never begin), and what has more than a MiB. Errors:
// permission where it may not be read, io where the disk fails, usage for the rest.
Result<SmallFile> read_small_file(const std::string& path, const std::string& what);

}  // namespace diskpaxos::io
