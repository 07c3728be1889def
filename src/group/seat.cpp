#include "group/seat.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace diskpaxos {

namespace {

bool of_another(const SlotView& slot, const SeatWish& wish) {
    return slot.known && slot.owner.held() && slot.owner.host != wish.host.id;
}

}  // namespace

std::uint32_t part_of(std::uint32_t slots, const Geometry& geometry, std::uint32_t tier) {
    const auto up_to = [&](std::uint32_t end) { return (slots * end + geometry.slots - 1) / geometry.slots; };
    return up_to(geometry.tier_end(tier)) - (tier == 0 ? 0 : up_to(geometry.tier_end(tier - 1)));
}

Seat unannounced_seat(Random& random, std::size_t disks) {
    Seat seat;
    seat.slot = no_slot;
    seat.open = DiskSet::first(disks);
    do seat.me = Proposer(random.bits(64));
    while (seat.me == Proposer());
    return seat;
}

Task<Result<Seat>> SeatFinder::find(SeatWish wish, Instant deadline) {
    const Duration drain = drain_time(std::chrono::milliseconds(roster_.common.ttl_ms));
    if (wish.slot && *wish.slot >= roster_.common.geometry.slots) {
        co_return std::unexpected(Error{
            Code::usage, fmt::format("there is no slot {}; this group has slots 0 to {}", *wish.slot,
                                     roster_.common.geometry.slots - 1)});
    }
    for (bool before = false;; before = true) {
        const bool read = co_await table_.read(deadline);
        if (!read) {
            co_return std::unexpected(
                before ? no_seat(wish)
                       : Error{Code::no_quorum,
                               "the slot table cannot be read on a majority of the disks"});
        }
        if (wish.slot && of_another(table_.view(*wish.slot), wish)) {
            co_return std::unexpected(no_seat(wish));
        }
        if (std::optional<Seat> seat = borrow(wish)) {
            const SlotEntry owner = table_.view(seat->slot).owner;
            if (owner.boot != wish.host.boot && wish.uptime < drain) {
                co_await world_.clock.sleep(drain - wish.uptime);  // writes of the boot before ours
            }
            co_return *seat;
        }
        const bool more = co_await claim_more(wish, deadline);
        if (more) continue;
        if (world_.clock.now() >= deadline) co_return std::unexpected(no_seat(wish));
        // All our slots are in use: by processes that run, or by writes of the dead.
        const Duration pause = std::chrono::milliseconds(5 + world_.random.below(20));
        co_await world_.clock.sleep_until(std::min(deadline, world_.clock.now() + pause));
    }
}

// The lower the tier, the less everybody has to read.
std::optional<Seat> SeatFinder::borrow(const SeatWish& wish) {
    for (std::uint32_t tier = 0; tier <= roster_.common.geometry.doors(); ++tier) {
        if (std::optional<Seat> seat = borrow(wish, tier)) return seat;
    }
    return std::nullopt;
}

// Any of them will do; a random one, so that processes that come and go spread over all of them.
std::optional<Seat> SeatFinder::borrow(const SeatWish& wish, std::uint32_t tier) {
    std::vector<std::uint32_t> ours;
    const Geometry& geometry = roster_.common.geometry;
    for (std::uint32_t slot = 0; slot < geometry.slots; ++slot) {
        const bool wanted =
            (!wish.slot || *wish.slot == slot) && geometry.tier_of(slot) == tier;
        if (wanted && table_.view(slot).held_by(wish.host.id)) ours.push_back(slot);
    }
    const std::size_t start = ours.empty() ? 0 : world_.random.below(ours.size());
    for (std::size_t i = 0; i < ours.size(); ++i) {
        if (std::optional<Seat> seat = lock(ours[(start + i) % ours.size()])) return seat;
    }
    return std::nullopt;
}

std::optional<Seat> SeatFinder::lock(std::uint32_t slot) {
    Seat seat;
    seat.slot = slot;
    bool lent = false;  // by what a passive disk says, which knows better than any file of this host
    for (std::size_t disk = 0; disk < roster_.disks(); ++disk) {
        Disk* device = roster_.members[disk];
        if (device == nullptr) continue;
        const bool taken = locks_.try_lock(*device, slot);
        if (taken) seat.open.insert(disk);
        lent = lent || (!taken && !device->active() && !roster_.active().empty());
    }
    if (!lent &&
        rule_.suffices(Purposes{.read = true, .write = true, .recover = true}, seat.open)) {
        seat.ring_index = table_.view(slot).owner.ring_index(roster_.common.geometry.ring);
        seat.me = Proposer::of(static_cast<std::uint16_t>(slot), world_.random.bits(48));
        return seat;
    }
    for (std::size_t disk = 0; disk < roster_.disks(); ++disk) {
        if (seat.open.contains(disk)) locks_.unlock(*roster_.members[disk], slot);
    }
    return std::nullopt;
}

// True if the table may look different now.
Task<bool> SeatFinder::claim_more(SeatWish wish, Instant deadline) {
    std::vector<std::uint32_t> wanted;
    for (std::uint32_t slot = 0; slot < roster_.common.geometry.slots; ++slot) {
        const bool may = !wish.slot || *wish.slot == slot;
        if (may && table_.view(slot).claimable) wanted.push_back(slot);
    }
    if (wanted.empty()) co_return false;
    wanted = handful_of(std::move(wanted));
    DiskSet locked;  // one process of a host claims at a time
    for (std::size_t disk = 0; disk < roster_.disks(); ++disk) {
        Disk* device = roster_.members[disk];
        if (device != nullptr && locks_.try_lock(*device, claim_lock)) locked.insert(disk);
    }
    bool changed = false;
    if (rule_.suffices(Purposes{.read = true, .write = true}, locked)) {
        SlotTableAccess claim(world_, roster_, rule_);
        if (co_await claim.read(deadline)) {
            const auto won = co_await claim.claim(wanted, SlotState::taken, wish.host, deadline);
            changed = !won.empty();
        }
    }
    for (std::size_t disk = 0; disk < roster_.disks(); ++disk) {
        if (locked.contains(disk)) locks_.unlock(*roster_.members[disk], claim_lock);
    }
    co_return changed;
}

// Some of each tier, and more of the next where one has too few. Of a tier any will do; random ones,
// so that hosts that come at once are rarely after the same.
std::vector<std::uint32_t> SeatFinder::handful_of(std::vector<std::uint32_t> claimable) {
    const Geometry& geometry = roster_.common.geometry;
    const std::uint32_t count = handful(geometry.slots);
    std::vector<std::uint32_t> chosen;
    std::uint32_t due = 0;
    const auto draw = [&](std::uint32_t first, std::uint32_t end) {
        std::vector<std::uint32_t> here;
        std::ranges::copy_if(claimable, std::back_inserter(here),
                             [&](std::uint32_t slot) { return slot >= first && slot < end; });
        for (; chosen.size() < due && !here.empty();) {
            std::swap(here.front(), here[world_.random.below(here.size())]);
            chosen.push_back(here.front());
            std::erase(claimable, here.front());
            here.erase(here.begin());
        }
    };
    std::uint32_t first = 0;
    for (std::uint32_t tier = 0; tier <= geometry.doors(); ++tier) {
        due += part_of(count, geometry, tier);
        draw(first, geometry.tier_end(tier));
        first = geometry.tier_end(tier);
    }
    draw(0, geometry.slots);
    return chosen;
}

Error SeatFinder::no_seat(const SeatWish& wish) const {
    if (wish.slot) {
        const SlotView view = table_.view(*wish.slot);
        return {Code::busy, of_another(view, wish) ? fmt::format("slot {} belongs to host {}",
                                                                 *wish.slot, view.owner.host_name)
                                                   : fmt::format("slot {} is in use", *wish.slot)};
    }
    return {Code::busy, fmt::format("every slot of this host is in use, and none of the {} of group "
                                    "{} is free to claim; end a process, or format with more slots",
                                    roster_.common.geometry.slots, roster_.common.name)};
}

}  // namespace diskpaxos
