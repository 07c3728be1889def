#include "disk/block.hpp"

#include <algorithm>

#include "disk/ceiling.hpp"

namespace diskpaxos {

namespace {

void store_rank(ByteSpan out, std::size_t offset, Rank rank) {
    store<std::uint64_t>(out, offset, rank.round);
    store<std::uint64_t>(out, offset + 8, rank.proposer.value);
}

Rank load_rank(ByteView in, std::size_t offset) {
    return {load<std::uint64_t>(in, offset), Proposer(load<std::uint64_t>(in, offset + 8))};
}

// What no writer ever writes: such a block is damage, even with a good checksum.
bool sane(const Block& block) {
    return block.promised >= block.accepted && block.accepted.none() == block.value.empty() &&
           block.seq > 0;
}

}  // namespace

void encode_block(ByteSpan out, const BlockAddress& address, const Block& block) {
    CHECK(sane(block));
    CHECK(block.value.size() <= value_capacity(out.size()));
    store<std::uint64_t>(out, 40, block.incarnation.value);
    store<std::uint64_t>(out, 48, block.seq);
    store_rank(out, 56, block.promised);
    store_rank(out, 72, block.accepted);
    store_rank(out, 88, block.committed);
    std::ranges::copy(block.value, out.begin() + header_size);
    std::ranges::fill(out.subspan(header_size + block.value.size()), std::byte{0});
    seal(out, address, 0, block.value.size());
}

void encode_initial(ByteSpan out, const BlockAddress& address) {
    std::ranges::fill(out, std::byte{0});
    seal(out, address, flag_initial, 0);
}

Decoded decode_block(ByteView bytes, const BlockAddress& expected) {
    Decoded result;
    result.damage = inspect(bytes, expected);
    if (result.damage != Damage::none) return result;
    if ((flags_of(bytes) & flag_initial) != 0) {
        result.state = BlockState::initial;
        return result;
    }
    Block& block = result.block;
    block.incarnation = Proposer(load<std::uint64_t>(bytes, 40));
    block.seq = load<std::uint64_t>(bytes, 48);
    block.promised = load_rank(bytes, 56);
    block.accepted = load_rank(bytes, 72);
    block.committed = load_rank(bytes, 88);
    block.value = body_of(bytes);
    if (!sane(block)) {
        result.damage = Damage::checksum;
        return result;
    }
    if (block.promised.round > last_promise) {  // ceiling-C6
        result.damage = Damage::no_room;
        return result;
    }
    result.state = BlockState::valid;
    return result;
}

}  // namespace diskpaxos
