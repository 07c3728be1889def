#include "disk-agent/journal.hpp"

#include <algorithm>
#include <array>

#include "base/crc32c.hpp"
#include "wire/trim.hpp"

namespace diskpaxos::agent {

namespace {

constexpr std::uint32_t batch_magic = 0x4a507844;  // "DxPJ"
constexpr std::size_t crc_at = 4;

std::uint32_t checksum(ByteView units) {
    constexpr std::array<std::byte, 4> zero{};
    std::uint32_t crc = crc32c(units.first(crc_at));
    crc = crc32c(zero, crc);
    return crc32c(units.subspan(crc_at + zero.size()), crc);
}

// One entry off the front of `body`; nothing if it is not whole or says what no writer says.
struct Entry {
    std::uint64_t block = 0;
    ByteView image;
};
std::optional<Entry> take_entry(ByteView& body) {
    if (body.size() < entry_head || load<std::uint32_t>(body, 12) != 0) return {};
    const std::size_t size = load<std::uint32_t>(body, 8);
    if (size > body.size() - entry_head) return {};
    const Entry entry{load<std::uint64_t>(body, 0), body.subspan(entry_head, size)};
    body = body.subspan(entry_head + size);
    return entry;
}

bool entries_sound(const Batch& batch, const StoreHeader& header) {
    ByteView rest = batch.body;
    for (std::uint32_t i = 0; i < batch.entries; ++i) {
        const auto entry = take_entry(rest);
        if (!entry || entry->block >= header.blocks) return false;
        if (!wire::may_untrim(entry->image, header.block_size)) return false;
    }
    return rest.empty();
}

}  // namespace

void BatchWriter::add(std::uint64_t block, ByteView image) {
    const ByteView sent = wire::trimmed(image);
    const std::size_t at = out_.size();
    out_.resize(at + entry_head + sent.size());
    const ByteSpan entry = ByteSpan(out_).subspan(at);
    store<std::uint64_t>(entry, 0, block);
    store<std::uint32_t>(entry, 8, static_cast<std::uint32_t>(sent.size()));
    store<std::uint32_t>(entry, 12, 0);
    std::ranges::copy(sent, entry.begin() + entry_head);
    ++entries_;
}

void BatchWriter::end(std::uint64_t tag, Lsn lsn) {
    store<std::uint32_t>(out_, 0, batch_magic);
    store<std::uint64_t>(out_, 8, tag);
    store<std::uint64_t>(out_, 16, lsn);
    store<std::uint32_t>(out_, 24, static_cast<std::uint32_t>(out_.size()));
    store<std::uint32_t>(out_, 28, entries_);
    out_.resize((out_.size() + unit_size - 1) / unit_size * unit_size);
    store<std::uint32_t>(out_, crc_at, checksum(out_));
}

std::optional<Batch> decode_batch(ByteView bytes, const StoreHeader& header) {
    if (bytes.size() < unit_size || load<std::uint32_t>(bytes, 0) != batch_magic) return {};
    if (load<std::uint64_t>(bytes, 8) != header.tag) return {};
    const std::size_t length = load<std::uint32_t>(bytes, 24);
    const std::size_t units = (length + unit_size - 1) / unit_size;
    if (length < batch_head || units > header.most_batch_units()) return {};
    if (units * unit_size > bytes.size()) return {};
    if (load<std::uint32_t>(bytes, crc_at) != checksum(bytes.first(units * unit_size))) return {};
    const Batch batch{.lsn = load<std::uint64_t>(bytes, 16),
                      .units = units,
                      .entries = load<std::uint32_t>(bytes, 28),
                      .body = bytes.first(length).subspan(batch_head)};
    if (!entries_sound(batch, header)) return {};
    return batch;
}

void for_each_entry(const Batch& batch, const std::function<void(std::uint64_t, ByteView)>& visit) {
    ByteView rest = batch.body;
    while (const auto entry = take_entry(rest)) visit(entry->block, entry->image);
}

}  // namespace diskpaxos::agent
