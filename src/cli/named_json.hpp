// A name and what it holds, as an object.
#pragma once

#include <string>

#include "cli/output.hpp"
#include "group/directory.hpp"

namespace diskpaxos::cli {

const char* describe(CellState state);

// {"name", "state", "version", "value", "applied", "exact"}. The value is null where there is none;
// of a value that is not UTF-8 the bytes follow as "value_hex".
Json named_json(const std::string& name, const Named& named);

// Of text that is not UTF-8 the bytes follow as KEY_hex: two names must not look like one.
void put_text(Json& object, const char* key, std::string_view text);
void put_value(Json& object, ByteView value);
bool has_value(CellState state);

}  // namespace diskpaxos::cli
