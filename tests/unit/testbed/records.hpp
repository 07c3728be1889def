// What the tests of records have in common.
#pragma once

#include <ostream>
#include <string_view>

#include "consensus/record.hpp"

namespace diskpaxos {

inline void PrintTo(Applied applied, std::ostream* out) {
    constexpr const char* names[] = {"no", "yes", "cannot tell"};
    *out << names[static_cast<int>(applied)];
}

inline CellView text(std::uint64_t version, std::string_view value) {
    return {version, CellState::set, "name", as_bytes(value)};
}

}  // namespace diskpaxos
