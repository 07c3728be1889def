#include "base/crc32c.hpp"

#include <isa-l/crc.h>

namespace diskpaxos {

std::uint32_t crc32c(ByteView data, std::uint32_t before) {
    if (data.empty()) return before;
    // ISA-L takes a non-const pointer that it only reads, and leaves both inversions to the caller.
    auto* bytes = const_cast<unsigned char*>(reinterpret_cast<const unsigned char*>(data.data()));
    return ~crc32_iscsi(bytes, static_cast<int>(data.size()), ~before);
}

}  // namespace diskpaxos
