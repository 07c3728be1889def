#include "content.hpp"

#include <algorithm>
#include <limits>

namespace diskpaxos::exhaustive {

Hasher& add(Hasher& hasher, const Rank& rank) {
    return hasher.add(rank.round).add(rank.proposer.value);
}

Hasher& add(Hasher& hasher, ByteView bytes) {
    hasher.add(bytes.size());
    for (std::size_t at = 0; at < bytes.size(); at += 8) {
        std::uint64_t word = 0;
        std::memcpy(&word, bytes.data() + at, std::min<std::size_t>(8, bytes.size() - at));
        hasher.add(word);
    }
    return hasher;
}

Content Contents::intern(ByteView bytes, const BlockAddress& address) {
    const Decoded decoded = decode_block(bytes, address);
    CHECK(decoded.state == BlockState::valid);  // the real code wrote a sound block, where it may
    const Block& block = decoded.block;
    Hasher hasher;
    hasher.add(block.incarnation.value).add(block.seq);
    add(add(add(add(hasher, block.promised), block.accepted), block.committed), block.value);
    const Digest digest = hasher.done();
    const auto [known, fresh] = numbers_.try_emplace(digest, static_cast<Content>(kept_.size()));
    if (fresh) {
        CHECK(kept_.size() < std::numeric_limits<Content>::max());
        Kept& kept = kept_.emplace_back();
        kept.value.assign(block.value.begin(), block.value.end());
        kept.block = block;
        kept.block.value = kept.value;
        kept.digest = digest;
    }
    return known->second;
}

Rank Contents::rank_of(Content request) const {
    const Block& asked = block(request);
    return asked.accepted.none() ? asked.promised : asked.accepted;
}

Contents::Executed Contents::execute(Content present, Content request) {
    const auto [known, fresh] = executed_.try_emplace(std::uint32_t{present} << 16 | request);
    if (!fresh) return known->second;
    const BlockAddress address{.disk = 1};
    Bytes before(512), asked(512);
    encode(before, address, present);
    encode(asked, address, request);
    Bytes next(before);
    const Stepped stepped = step(before, asked, rank_of(request), next);
    known->second = {stepped.verdict, stepped.changed ? intern(next, address) : present};
    return known->second;
}

void Contents::encode(ByteSpan out, const BlockAddress& address, Content content) const {
    if (content == initial) return encode_initial(out, address);
    if (content != unknown) return encode_block(out, address, block(content));
    std::ranges::fill(out, std::byte{0xee});
}

}  // namespace diskpaxos::exhaustive
