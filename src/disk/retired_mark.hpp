// Who has retired a superblock. Two hosts may format the same disks at once: each finds its own
// mark there before it makes the disks usable, or stops (src/group/format.hpp).
#pragma once

#include <optional>

#include "disk/superblock.hpp"

namespace diskpaxos {

// Into a retired superblock, at 212 of its body: the UUID of the group that is to be there, which
// is drawn anew by every `format`. `area` begins with it and may be longer. False, and nothing is
// changed: there is no retired superblock.
bool mark_retired(ByteSpan area, std::uint32_t copy, const Uuid& successor);

// nullopt: nothing retired is there. All zeros: its program knew no marks.
std::optional<Uuid> mark_of_retired(ByteView area, std::uint32_t copy);

}  // namespace diskpaxos
