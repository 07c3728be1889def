#include "sim/path.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace diskpaxos::sim {

SimPath::SimPath(SimWorld& world, Platter& platter, const Faults& faults, Watch& watch,
                 const Cable* cable)
    : world_(world),
      platter_(platter),
      faults_(faults),
      watch_(watch),
      cable_(cable),
      name_(fmt::format("disk {}", platter.number())) {}

Instant SimPath::later() {
    Duration wait = world_.between(faults_.quickest, faults_.slowest);
    if (happens(faults_.hang)) wait += world_.between(faults_.slowest, faults_.longest_hang);
    return std::max(world_.now(), heard()) + wait;
}

Instant SimPath::back() const {
    return cable_ == nullptr ? platter_.gone_until
                             : std::max(platter_.gone_until, cable_->gone_until);
}

Instant SimPath::heard() const {
    return cable_ == nullptr ? platter_.silent_until
                             : std::max(platter_.silent_until, cable_->silent_until);
}

bool SimPath::in_slot_table(std::uint64_t block) const {
    const Extent table = platter_.geometry().slot_table();
    return block >= table.first && block < table.first + table.count;
}

void SimPath::land(std::uint64_t block, ByteView content, Landing how) {
    if (land_damaged(block, content)) return;
    platter_.put(block, content);
    watch_.landed(*this, platter_, block, how);
}

bool SimPath::land_damaged(std::uint64_t block, ByteView content) {
    if (!frail(faults_.torn) && !frail(faults_.misdirected) && !frail(faults_.corrupted)) {
        return false;
    }
    if (active()) {  // nobody reads back what it says is done: if it is not there, that is treachery
        platter_.put(block, content);
        platter_.flip(block, world_.random());
    } else if (content.size() > sector && world_.chance(500)) {
        platter_.put(block, content, world_.random().bits(8));  // torn: some sectors only
    } else if (world_.chance(500)) {
        const std::uint64_t begin = platter_.geometry().cells_begin();
        const std::uint64_t cells =
            std::uint64_t{platter_.geometry().cells} * platter_.geometry().row_blocks();
        block = begin + world_.random().below(cells);
        platter_.put(block, content);
    } else {
        platter_.put(block, content);
        platter_.flip(block, world_.random());
    }
    watch_.landed(*this, platter_, block, Landing::faulty);
    return true;
}

void SimPath::copy_block(ByteSpan to, std::uint64_t block) {
    const bool stale = treacherous(faults_.stale);
    std::ranges::copy(stale ? platter_.previous(block) : platter_.block(block), to.begin());
    if (happens(faults_.garbage)) to[world_.random().below(to.size())] ^= std::byte{0x40};
}

void SimPath::finish(Io& io, int error) {
    world_.digest(static_cast<std::uint64_t>(error) << 8 | platter_.number());
    io.error = error;
    io.finish();
}

}  // namespace diskpaxos::sim
