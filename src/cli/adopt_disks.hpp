// Disks that were named and not recognised: what `check` makes of them.
#pragma once

#include <optional>

#include "cli/invocation.hpp"
#include "cli/open_group.hpp"
#include "cli/output.hpp"

namespace diskpaxos::cli {

// The index of the disk whose place --replace gives away; none: no such option.
Result<std::optional<std::size_t>> disk_to_replace(const Invocation& call);

// Disks whose superblocks are gone are members again if a block on them says which they are. A
// blank one becomes a member only in the place of `replaced`, after a person was asked.
Result<void> adopt_disks(OpenGroup& group, std::optional<std::size_t> replaced,
                         const Invocation& call, Output& out);

}  // namespace diskpaxos::cli
