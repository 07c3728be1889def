#include "cli/named_json.hpp"

#include <fmt/format.h>

namespace diskpaxos::cli {

const char* describe(CellState state) {
    switch (state) {
        case CellState::unset: return "unset";
        case CellState::set: return "set";
        case CellState::decided: return "decided";
        case CellState::lock: return "lock";
        case CellState::session: return "session";
        case CellState::deleted: return "deleted";
    }
    return "unknown";
}

bool has_value(CellState state) { return state == CellState::set || state == CellState::decided; }

void put_value(Json& object, ByteView value) {
    object["value"] = std::string(as_text(value));
    if (is_utf8(as_text(value))) return;
    std::string hex;
    for (const std::byte byte : value)
        hex += fmt::format("{:02x}", std::to_integer<unsigned>(byte));
    object["value_hex"] = hex;
}

Json named_json(const std::string& name, const Named& named) {
    Json object;
    object["name"] = name;
    object["state"] = describe(named.state);
    object["version"] = named.version;
    object["value"] = nullptr;
    if (has_value(named.state)) put_value(object, named.value);
    object["applied"] = named.applied;
    object["exact"] = named.exact;
    return object;
}

}  // namespace diskpaxos::cli
