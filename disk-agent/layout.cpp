#include "disk-agent/layout.hpp"

#include <algorithm>
#include <array>

#include "base/crc32c.hpp"
#include "disk-agent/journal.hpp"

namespace diskpaxos::agent {

namespace {

constexpr std::uint64_t store_magic = 0x65726f7453507844;  // "DxPStore"
constexpr std::uint16_t minor = 0;
constexpr std::size_t header_bytes = 512;
constexpr std::size_t crc_at = 508;
constexpr std::uint64_t longest_batch = 256;  // units

}  // namespace

std::uint64_t StoreHeader::most_batch_units() const {
    return std::min(longest_batch, journal_units / 4);
}

std::size_t StoreHeader::most_batch_blocks() const {
    return (most_batch_units() * unit_size - batch_head) / (entry_head + block_size);
}

bool StoreHeader::sensible() const {
    return (block_size == 512 || block_size == 4096) && blocks > 0 && blocks <= most_blocks &&
           journal_units >= least_journal_units && journal_units <= most_journal_units && lsn > 0;
}

void encode_header(ByteSpan unit, const StoreHeader& header) {
    CHECK(header.sensible());
    std::ranges::fill(unit, std::byte{0});
    const ByteSpan out = unit.first(header_bytes);
    store<std::uint64_t>(out, 0, store_magic);
    store<std::uint16_t>(out, 8, StoreHeader::major);
    store<std::uint16_t>(out, 10, minor);
    store<std::uint32_t>(out, 12, header.block_size);
    store<std::uint64_t>(out, 16, header.blocks);
    store<std::uint64_t>(out, 24, header.journal_units);
    std::ranges::copy(header.uuid, out.begin() + 32);
    store<std::uint64_t>(out, 48, header.tag);
    store<std::uint64_t>(out, 56, header.created_ms);
    store<std::uint64_t>(out, 64, header.generation);
    store<std::uint64_t>(out, 72, header.tail);
    store<std::uint64_t>(out, 80, header.lsn);
    store<std::uint32_t>(out, crc_at, crc32c(out.first(crc_at)));
}

std::expected<StoreHeader, HeaderFlaw> decode_header(ByteView unit) {
    const ByteView in = unit.first(header_bytes);
    if (load<std::uint64_t>(in, 0) != store_magic) return std::unexpected(HeaderFlaw::absent);
    if (load<std::uint32_t>(in, crc_at) != crc32c(in.first(crc_at))) {
        return std::unexpected(HeaderFlaw::checksum);
    }
    if (load<std::uint16_t>(in, 8) > StoreHeader::major) {
        return std::unexpected(HeaderFlaw::newer);
    }
    StoreHeader header;
    header.block_size = load<std::uint32_t>(in, 12);
    header.blocks = load<std::uint64_t>(in, 16);
    header.journal_units = load<std::uint64_t>(in, 24);
    std::ranges::copy(in.subspan(32, 16), header.uuid.begin());
    header.tag = load<std::uint64_t>(in, 48);
    header.created_ms = load<std::uint64_t>(in, 56);
    header.generation = load<std::uint64_t>(in, 64);
    header.tail = load<std::uint64_t>(in, 72);
    header.lsn = load<std::uint64_t>(in, 80);
    if (!header.sensible()) return std::unexpected(HeaderFlaw::nonsense);
    return header;
}

}  // namespace diskpaxos::agent
