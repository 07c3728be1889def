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

void put_text(Json& object, const char* key, std::string_view text) {
    object[key] = std::string(text);
    if (is_utf8(text)) return;
    std::string hex;
    for (const char c : text) hex += fmt::format("{:02x}", static_cast<unsigned char>(c));
    object[std::string(key) + "_hex"] = hex;
}

void put_value(Json& object, ByteView value) { put_text(object, "value", as_text(value)); }

Json named_json(const std::string& name, const Named& named) {
    Json object;
    put_text(object, "name", name);
    object["state"] = describe(named.state);
    object["version"] = named.version;
    object["value"] = nullptr;
    if (has_value(named.state)) put_value(object, named.value);
    object["applied"] = named.applied;
    object["exact"] = named.exact;
    return object;
}

}  // namespace diskpaxos::cli
