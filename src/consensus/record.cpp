#include "consensus/record.hpp"

#include <algorithm>

#include "base/mutant.hpp"
#include "disk/block.hpp"

namespace diskpaxos {

namespace {

constexpr std::uint16_t no_origin = 0xffff;

// As much as 32 slots of a small block would take; more where there is room.
constexpr std::size_t most_groups = 32;
std::size_t lineage_of(const Geometry& geometry) {
    return geometry.block_size == 512 ? 8 : most_groups;
}

std::size_t slot_width(const Geometry& geometry) {
    return geometry.block_size == 512 && geometry.slots > 32 ? 2 : 4;
}

std::ptrdiff_t offset(std::size_t at) { return static_cast<std::ptrdiff_t>(at); }

}  // namespace

RecordFormat::RecordFormat(const Geometry& geometry, DiskKinds kinds)
    : name_first_(kinds != DiskKinds::passive),
      by_rank_(kinds == DiskKinds::active),
      roomy_(by_rank_ && geometry.roomy),
      entries_(by_rank_ ? lineage_of(geometry) : geometry.slots),
      width_(by_rank_ ? Lineage::group : slot_width(geometry)),
      mask_(by_rank_ ? 0 : (std::uint64_t{1} << (8 * width_)) - 1),
      done_(entries_ * width_),
      capacity_(value_capacity(geometry.block_size) - head - done_) {}

std::size_t RecordFormat::done_at(ByteView record) const {
    return name_first_ ? head + load<std::uint8_t>(record, 11) : head;
}

std::size_t RecordFormat::value_at(ByteView record) const {
    return head + done_of(record) + load<std::uint8_t>(record, 11);
}

std::size_t RecordFormat::done_of(ByteView record) const {
    return roomy_ ? width_ * load<std::uint16_t>(record, 8) : done_;
}

std::size_t RecordFormat::done_beside(std::size_t name_and_value) const {
    if (!roomy_) return done_;
    const std::size_t more = (capacity_ - name_and_value) / width_;
    return width_ * std::min(entries_ + more, most_groups);
}

bool RecordFormat::valid(ByteView record) const {
    if (record.empty()) return true;
    if (record.size() < head) return false;
    const std::size_t done = done_of(record);
    return done >= done_ && done <= std::max(done_, width_ * most_groups) &&
           record.size() >= value_at(record) && record.size() <= head + done_ + capacity_ &&
           load<std::uint8_t>(record, 10) <= static_cast<std::uint8_t>(CellState::session);
}

CellView RecordFormat::view(ByteView record) const {
    if (record.empty()) return {};
    CHECK(valid(record));
    const std::size_t name_length = load<std::uint8_t>(record, 11);
    return {.version = load<std::uint64_t>(record, 0),
            .state = static_cast<CellState>(load<std::uint8_t>(record, 10)),
            .name = as_text(record.subspan(name_at(record), name_length)),
            .value = record.subspan(value_at(record))};
}

std::uint16_t RecordFormat::origin(ByteView record) const {
    return load<std::uint16_t>(record, 8);
}

Applied RecordFormat::applied(ByteView record, std::uint64_t round, Proposer who,
                              std::uint64_t first) const {
    if (record.empty() || round < first) return Applied::no;
    if (by_rank_) {
        const Lineage known = lineage(record);
        if (known.last_round(who) >= first) return Applied::yes;
        const bool lost = known.may_have_lost(first) && !mutated(Mutant::lineage_forgotten);
        return lost ? Applied::cannot_tell : Applied::no;
    }
    const std::uint64_t mark = entry(record, who.slot());
    if (mark != 0) return unwrap(mark, round) >= first ? Applied::yes : Applied::no;
    return round - first > mask_ / 2 ? Applied::cannot_tell : Applied::no;
}

bool RecordFormat::latest(ByteView record, Proposer who) const {
    if (!by_rank_) return origin(record) == who.slot();
    return !record.empty() && lineage(record).newest().proposer == who;
}

std::uint64_t RecordFormat::last_round(ByteView record, std::uint64_t round, Proposer who) const {
    if (record.empty()) return 0;
    if (by_rank_) return lineage(record).last_round(who);
    const std::uint64_t mark = entry(record, who.slot());
    return mark != 0 ? unwrap(mark, round) : 0;
}

void RecordFormat::carry(Bytes& out, ByteView base, std::uint64_t base_round,
                         std::uint64_t round) const {
    compose(out, view(base), base.empty() ? no_origin : origin(base), base_round, round);
    if (base.empty()) return;
    by_rank_ ? keep_ranks(out, base) : keep_slots(out, base, base_round, round);
}

void RecordFormat::succeed(Bytes& out, ByteView base, std::uint64_t base_round,
                           const CellView& next, Rank at) const {
    CHECK(nameable(at.round));
    const std::uint16_t slot = at.proposer.slot();
    compose(out, next, by_rank_ ? no_origin : slot, base_round, at.round);
    if (by_rank_) {
        Lineage changed = lineage(base.empty() ? out : base);
        changed.add(at);
        return changed.write(done_in(out));
    }
    CHECK(slot < entries_);
    if (!base.empty()) keep_slots(out, base, base_round, at.round);
    set_entry(out, slot, at.round & mask_);
}

void RecordFormat::compose(Bytes& out, const CellView& next, std::uint16_t origin,
                           std::uint64_t base_round, std::uint64_t round) const {
    const bool unpromised =
        mutated(Mutant::fast_path_unpromised) || mutated(Mutant::step_promise_lowered);
    const std::size_t payload = next.name.size() + next.value.size();
    CHECK((round > base_round || unpromised) && payload <= capacity_);
    const std::size_t done = done_beside(payload);
    out.assign(head + done + payload, std::byte{0});
    store<std::uint64_t>(out, 0, next.version);
    store<std::uint16_t>(out, 8, roomy_ ? static_cast<std::uint16_t>(done / width_) : origin);
    store<std::uint8_t>(out, 10, static_cast<std::uint8_t>(next.state));
    store<std::uint8_t>(out, 11, static_cast<std::uint8_t>(next.name.size()));
    std::ranges::copy(as_bytes(next.name), out.begin() + offset(name_at(out)));
    std::ranges::copy(next.value, out.begin() + offset(value_at(out)));
}

// ---- by slot ----

void RecordFormat::keep_slots(Bytes& out, ByteView base, std::uint64_t base_round,
                              std::uint64_t round) const {
    for (std::size_t slot = 0; slot < entries_; ++slot) {
        const std::uint64_t mark = entry(base, slot);
        const bool recent = mark != 0 && round - unwrap(mark, base_round) <= mask_ / 2;
        if (recent) set_entry(out, slot, mark);
    }
}

std::uint64_t RecordFormat::entry(ByteView record, std::size_t slot) const {
    const std::size_t at = done_at(record) + slot * width_;
    return width_ == 2 ? load<std::uint16_t>(record, at) : load<std::uint32_t>(record, at);
}

void RecordFormat::set_entry(ByteSpan record, std::size_t slot, std::uint64_t value) const {
    const std::size_t at = done_at(record) + slot * width_;
    width_ == 2 ? store(record, at, static_cast<std::uint16_t>(value))
                : store(record, at, static_cast<std::uint32_t>(value));
}

// ---- by rank ----

// Byte by byte: nothing that was carried on is nothing still (disk-agent/access.cpp).
void RecordFormat::keep_ranks(Bytes& out, ByteView base) const {
    const ByteView kept = base.subspan(done_at(base), done_of(base));
    const ByteSpan done = done_in(out);
    if (kept.size() == done.size()) {
        std::ranges::copy(kept, done.begin());
    } else if (const Lineage of_base(kept); !of_base.empty()) {
        of_base.write(done);
    }
}

Lineage RecordFormat::lineage(ByteView record) const {
    return Lineage(record.subspan(done_at(record), done_of(record)));
}

ByteSpan RecordFormat::done_in(Bytes& record) const {
    return ByteSpan(record).subspan(done_at(record), done_of(record));
}

}  // namespace diskpaxos
