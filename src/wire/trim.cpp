#include "wire/trim.hpp"

#include <algorithm>

#include "disk/sealed.hpp"

namespace diskpaxos::wire {

namespace {

std::size_t said_size(ByteView block) {
    return header_size + load<std::uint16_t>(block, 6);
}

}  // namespace

ByteView trimmed(ByteView block) {
    const std::size_t size = said_size(block);
    if (size >= block.size()) return block;
    const auto zero = [](std::byte b) { return b == std::byte{0}; };
    return std::ranges::all_of(block.subspan(size), zero) ? block.first(size) : block;
}

bool may_untrim(ByteView sent, std::size_t block_size) {
    if (sent.size() == block_size) return true;
    return sent.size() >= header_size && sent.size() < block_size && sent.size() == said_size(sent);
}

bool untrim(ByteView sent, ByteSpan block) {
    if (!may_untrim(sent, block.size())) return false;
    std::ranges::copy(sent, block.begin());
    std::ranges::fill(block.subspan(sent.size()), std::byte{0});
    return true;
}

}  // namespace diskpaxos::wire
