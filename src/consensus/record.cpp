#include "consensus/record.hpp"

#include <algorithm>

#include "base/mutant.hpp"
#include "disk/block.hpp"

namespace diskpaxos {

namespace {
constexpr std::size_t entries_at = 12;
constexpr std::uint16_t no_origin = 0xffff;
}

RecordFormat::RecordFormat(const Geometry& geometry)
    : slots_(geometry.slots),
      width_(geometry.block_size == 512 && geometry.slots > 32 ? 2 : 4),
      mask_((std::uint64_t{1} << (8 * width_)) - 1),
      text_(entries_at + slots_ * width_),
      capacity_(value_capacity(geometry.block_size) - text_) {}

bool RecordFormat::valid(ByteView record) const {
    if (record.empty()) return true;
    return record.size() >= text_ && record.size() <= text_ + capacity_ &&
           record.size() - text_ >= load<std::uint8_t>(record, 11) &&
           load<std::uint8_t>(record, 10) <= static_cast<std::uint8_t>(CellState::session);
}

CellView RecordFormat::view(ByteView record) const {
    if (record.empty()) return {};
    CHECK(valid(record));
    const std::size_t name_length = load<std::uint8_t>(record, 11);
    return {.version = load<std::uint64_t>(record, 0),
            .state = static_cast<CellState>(load<std::uint8_t>(record, 10)),
            .name = as_text(record.subspan(text_, name_length)),
            .value = record.subspan(text_ + name_length)};
}

std::uint16_t RecordFormat::origin(ByteView record) const {
    return load<std::uint16_t>(record, 8);
}

std::uint64_t RecordFormat::entry(ByteView record, std::size_t slot) const {
    const std::size_t at = entries_at + slot * width_;
    return width_ == 2 ? load<std::uint16_t>(record, at) : load<std::uint32_t>(record, at);
}

void RecordFormat::set_entry(ByteSpan record, std::size_t slot, std::uint64_t value) const {
    const std::size_t at = entries_at + slot * width_;
    width_ == 2 ? store(record, at, static_cast<std::uint16_t>(value))
                : store(record, at, static_cast<std::uint32_t>(value));
}

Applied RecordFormat::applied(ByteView record, std::uint64_t round, std::uint16_t slot,
                              std::uint64_t first) const {
    if (record.empty() || round < first) return Applied::no;
    const std::uint64_t mark = entry(record, slot);
    if (mark != 0) return unwrap(mark, round) >= first ? Applied::yes : Applied::no;
    return round - first > mask_ / 2 ? Applied::cannot_tell : Applied::no;
}

void RecordFormat::carry(Bytes& out, ByteView base, std::uint64_t base_round,
                         std::uint64_t round) const {
    compose(out, base, base_round, view(base), base.empty() ? no_origin : origin(base), round);
}

void RecordFormat::succeed(Bytes& out, ByteView base, std::uint64_t base_round,
                           const CellView& next, std::uint16_t slot, std::uint64_t round) const {
    CHECK(slot < slots_ && nameable(round));
    compose(out, base, base_round, next, slot, round);
    set_entry(out, slot, round & mask_);
}

void RecordFormat::compose(Bytes& out, ByteView base, std::uint64_t base_round,
                           const CellView& next, std::uint16_t origin, std::uint64_t round) const {
    CHECK((round > base_round || mutated(Mutant::fast_path_unpromised)) &&
          next.name.size() + next.value.size() <= capacity_);
    out.assign(text_ + next.name.size() + next.value.size(), std::byte{0});
    store<std::uint64_t>(out, 0, next.version);
    store<std::uint16_t>(out, 8, origin);
    store<std::uint8_t>(out, 10, static_cast<std::uint8_t>(next.state));
    store<std::uint8_t>(out, 11, static_cast<std::uint8_t>(next.name.size()));
    for (std::size_t s = 0; !base.empty() && s < slots_; ++s) {
        const std::uint64_t mark = entry(base, s);
        const bool recent = mark != 0 && round - unwrap(mark, base_round) <= mask_ / 2;
        if (recent) set_entry(out, s, mark);
    }
    std::ranges::copy(as_bytes(next.name), out.begin() + static_cast<std::ptrdiff_t>(text_));
    std::ranges::copy(next.value,
                      out.begin() + static_cast<std::ptrdiff_t>(text_ + next.name.size()));
}

}  // namespace diskpaxos
