#include "disk/geometry.hpp"

namespace diskpaxos {

const char* Geometry::objection() const {
    if (block_size != 512 && block_size != 4096) return "the block size must be 512 or 4096";
    if (slots < 1 || slots > max_slots) return "the number of slots must be 1 to 128";
    if (tier >= slots && tier != 0) return "the first tier must have fewer slots than there are";
    if (ring < 1 || ring > max_ring) return "the blocks per slot must be 1 to 4";
    if (cells < 1 || cells > max_cells) return "the number of cells must be 1 to 1048576";
    return nullptr;
}

}  // namespace diskpaxos
