// One function that gives bytes to every decoder of the format. The checksum is made right first,
// or nothing would ever get past it.
#pragma once

#include "base/bytes.hpp"

namespace diskpaxos {

void decode_everything(ByteView input);

}  // namespace diskpaxos
