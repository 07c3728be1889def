// Group files: one line "disk = PATH" for each disk of a group, and one line "group = UUID", which
// files of before format 1.3 lack. A "#" begins a comment at the start of a line or after a blank.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "disk/sealed.hpp"
#include "diskpaxos/error.hpp"

namespace diskpaxos::node {

std::optional<Uuid> parse_uuid(std::string_view text);  // as uuid_text() writes it

// $DISKPAXOS_GROUP; empty if it is not set.
std::string group_of_environment();

struct NamedDisks {
    std::vector<std::string> disks;  // paths and URLs
    std::optional<Uuid> group;       // whose they must be; none: not said
};

// The disks of `group`: a file if it has a slash or ends with .conf, otherwise a NAME, looked for as
// ~/.config/diskpaxos/NAME.conf, /etc/diskpaxos/NAME.conf and ./NAME.conf. Relative paths in the file
// count from the folder it lies in.
Result<NamedDisks> disks_of_group(const std::string& group);

// The group file that `format --conf` writes and -g reads. What fits_group_file() lets pass reads
// back as it is, byte for byte; Code::usage names what would not.
Result<void> fits_group_file(const std::vector<std::string>& disks);
std::string group_file_text(const std::string& name, const Uuid& group,
                            const std::vector<std::string>& disks);

// Whether the name of a disk holds a password, which others must not read.
bool holds_secret(const std::string& disk);

}  // namespace diskpaxos::node
