#include "group/slot_count.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "group/assemble.hpp"

namespace diskpaxos {

SlotCount::Host SlotCount::of(const Uuid& host) const {
    const auto found = hosts.find(host);
    return found == hosts.end() ? Host() : found->second;
}

SlotCount::Host SlotCount::others(const Uuid& than) const {
    Host all;
    for (const auto& [id, host] : hosts) {
        if (id == than) continue;
        all.owned += host.owned;
        all.lent += host.lent;
    }
    return all;
}

std::string SlotCount::call(const Uuid& host) const {
    const std::string name = of(host).name;
    const auto namesakes = std::ranges::count_if(
        hosts, [&name](const auto& each) { return each.second.name == name; });
    return namesakes < 2 ? name : name_and_id(name, host);
}

std::string name_and_id(const std::string& name, const Uuid& host) {
    return fmt::format("{} ({})", name, uuid_text(host).substr(0, 8));
}

SlotCount count_slots(const std::vector<SlotView>& slots) {
    SlotCount count;
    for (const SlotView& slot : slots) {
        if (!slot.known) {
            ++count.unknown;
        } else if (slot.owner.held()) {
            SlotCount::Host& host = count.hosts[slot.owner.host];
            if (host.name.empty() || slot.owner.since_ms >= host.since_ms) {
                host.name = slot.owner.host_name;
                host.since_ms = slot.owner.since_ms;
            }
            ++(slot.owner.state == SlotState::taken ? host.owned : host.lent);
        } else {
            ++(slot.claimable ? count.free : count.barred);
        }
    }
    return count;
}

}  // namespace diskpaxos
