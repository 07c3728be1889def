// CRC-32C (Castagnoli), by Intel's ISA-L. Check value of "123456789": E3069283.
#pragma once

#include <cstdint>

#include "base/bytes.hpp"

namespace diskpaxos {

// The checksum of `data`; `before` continues the checksum of what stood before it.
std::uint32_t crc32c(ByteView data, std::uint32_t before = 0);

}  // namespace diskpaxos
