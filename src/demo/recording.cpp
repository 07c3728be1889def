#include "demo/recording.hpp"

#include <cmath>
#include <nlohmann/json.hpp>

namespace diskpaxos::demo {

namespace {

using Json = nlohmann::ordered_json;

constexpr const char* names[] = {"joined", "waiting",   "holding", "wrote",  "refused", "released",
                                 "killed", "stopped",   "resumed", "lost",   "left",    "sound",
                                 "wiped",  "unplugged", "plugged", "healing"};
static_assert(std::size(names) == static_cast<std::size_t>(last_happening) + 1);

double ms(Duration time) {  // to the microsecond: more digits would only cost room
    return std::round(std::chrono::duration<double, std::micro>(time).count()) / 1000;
}

Json described(const Event& event, Instant start) {
    Json object;
    object["at_ms"] = ms(event.at - start);
    object["what"] = describe(event.what);
    object[to_disk(event.what) ? "disk" : "process"] = event.subject;
    if (event.pid != 0) object["pid"] = event.pid;
    if (event.token != 0) object["token"] = event.token;
    if (event.largest != 0) object["largest"] = event.largest;
    if (event.round != 0) object["round"] = event.round;
    if (event.margin != Duration::zero()) object["margin_ms"] = ms(event.margin);
    if (event.what == Happening::healing) object["percent"] = event.percent;
    return object;
}

Json described(const Act& act, Instant start) {
    Json object;
    object["name"] = act.name;
    object["number"] = act.number;
    object["caption"] = act.caption;
    object["from_ms"] = ms(act.from - start);
    object["until_ms"] = ms(act.until - start);
    return object;
}

Json described(const sim::Operation& operation, Instant start) {
    static constexpr const char* kinds[] = {"get", "add", "swap", "propose"};
    static constexpr const char* fates[] = {"open", "happened", "never"};
    const auto since = [start](std::uint64_t at) {
        return ms(Duration(static_cast<std::int64_t>(at)) - start.time_since_epoch());
    };
    Json object;
    object["process"] = operation.process;
    object["kind"] = kinds[static_cast<int>(operation.kind)];
    if (operation.kind != sim::Operation::Kind::get) object["argument"] = operation.argument;
    object["from_ms"] = since(operation.start);
    if (operation.end != ~std::uint64_t{0}) object["until_ms"] = since(operation.end);
    object["fate"] = fates[static_cast<int>(operation.fate)];
    if (operation.seen) {
        object["version"] = operation.seen->version;
        object["value"] = operation.seen->value;
    }
    return object;
}

}  // namespace

const char* describe(Happening what) {
    return names[static_cast<int>(what)];
}

Json to_json(const Recording& recording, bool with_operations) {
    Json object;
    object["version"] = 1;
    object["command"] = recording.command;
    object["seed"] = recording.seed;
    object["unix_ms"] = recording.unix_ms;
    object["ttl_ms"] = ms(recording.ttl);
    object["length_ms"] = ms(recording.end - recording.start);
    object["processes"] = recording.processes;
    object["disks"] = recording.disks;
    object["acts"] = Json::array();
    for (const Act& act : recording.acts) object["acts"].push_back(described(act, recording.start));
    object["events"] = Json::array();
    for (const Event& event : recording.events) {
        object["events"].push_back(described(event, recording.start));
    }
    if (!with_operations) return object;
    object["operations"] = Json::array();
    for (const sim::Operation& operation : recording.operations) {
        object["operations"].push_back(described(operation, recording.start));
    }
    return object;
}

}  // namespace diskpaxos::demo
