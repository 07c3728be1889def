#include "remote/slots.hpp"

#include "base/check.hpp"

namespace diskpaxos::remote {

Slots::Slot& Slots::take(wire::Type type, Io* io) {
    if (free_.empty()) {
        CHECK(slots_.size() < 0xffff);
        free_.push_back(static_cast<std::uint16_t>(slots_.size()));
        slots_.emplace_back();
        free_.reserve(slots_.size());
    }
    const std::uint16_t place = free_.back();
    free_.pop_back();
    slots_[place] = {.id = ++serial_ << 16 | place, .io = io, .type = type};
    ++taken_;
    if (type == wire::Type::watch) ++watches_;
    return slots_[place];
}

Slots::Slot* Slots::find(std::uint64_t id) {
    const std::uint16_t place = place_of(id);
    if (place >= slots_.size() || id == 0 || slots_[place].id != id) return nullptr;
    return &slots_[place];
}

void Slots::free(Slot& slot) {
    CHECK(slot.id != 0);
    --taken_;
    if (slot.type == wire::Type::watch) --watches_;
    free_.push_back(place_of(slot.id));
    slot = {};
}

void Slots::free_all() {
    for (Slot& slot : slots_) {
        if (slot.id != 0) free(slot);
    }
}

}  // namespace diskpaxos::remote
