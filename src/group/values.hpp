// What people do with names: decide once, set, compare and swap, count, delete.
//
// What a change that was applied gives is its own result, though others may have followed at once.
// Where that cannot be known, Named::exact is false, and the rest is a later state.
#pragma once

#include <string>

#include "group/directory.hpp"

namespace diskpaxos {

// One-shot consensus on `name`: the decided value, the same on every host for ever.
Task<Result<Named>> propose(Directory& directory, std::string name, std::string value,
                            Instant deadline);

Task<Result<Named>> set_value(Directory& directory, std::string name, std::string value,
                              Instant deadline);

// Sets the value if the version is the one given; otherwise Named::applied is false and the rest
// is the present state. A name that was never written has version 0.
Task<Result<Named>> compare_and_swap(Directory& directory, std::string name, std::uint64_t version,
                                     std::string value, Instant deadline);

// Adds `by` to the decimal number in the cell; unset counts as 0. Refuses what is no number, and
// a sum beyond 64 bits.
Task<Result<Named>> increment(Directory& directory, std::string name, std::int64_t by,
                              Instant deadline);

Task<Result<Named>> remove_value(Directory& directory, std::string name, Instant deadline);

}  // namespace diskpaxos
