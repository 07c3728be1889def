// Probe: whether COMPARE AND WRITE works on this LUN, by doing it. What a target says of itself is
// not believed: some advertise the command in page B0h of their vital product data and do not know
// it, and one that does not compare would be worse than one that refuses.
//
// Two questions. A block that is what we expect is written, and a read sees it. A block that is not
// is left alone, and the answer is MISCOMPARE.
//
// It may be asked of a LUN that holds anything at all, while others ask it too. Of 512-byte blocks
// it takes the one behind the superblock, of larger ones the superblock's own; and changes it only
// if it is blank, or another's probe, and makes it blank again. Anything else is only ever
// overwritten with itself.
#pragma once

#include "async/world.hpp"
#include "diskpaxos/error.hpp"
#include "scsi/lun.hpp"

namespace diskpaxos::scsi {

Task<Result<void>> probe(World& world, Lun& lun);

}  // namespace diskpaxos::scsi
