// Bytes as text: 16 per line, "offset  hex  |characters|"; lines that are all zero are left out.
#pragma once

#include <string>
#include <string_view>

#include "base/bytes.hpp"

namespace diskpaxos {

std::string to_hex(ByteView bytes);
void from_hex(std::string_view text, ByteSpan out);  // what the text leaves out is zero

}  // namespace diskpaxos
