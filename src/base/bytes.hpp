// Bytes as they stand on a disk: little-endian fields at fixed offsets.
#pragma once

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

#include "base/check.hpp"

namespace diskpaxos {

using Bytes = std::vector<std::byte>;
using ByteView = std::span<const std::byte>;
using ByteSpan = std::span<std::byte>;

static_assert(std::endian::native == std::endian::little,
              "fields are copied as they are; a big-endian machine needs a swap here");

template <std::unsigned_integral T>
T load(ByteView from, std::size_t offset) {
    CHECK(offset + sizeof(T) <= from.size());
    T value;
    std::memcpy(&value, from.data() + offset, sizeof(T));
    return value;
}

template <std::unsigned_integral T>
void store(ByteSpan to, std::size_t offset, T value) {
    CHECK(offset + sizeof(T) <= to.size());
    std::memcpy(to.data() + offset, &value, sizeof(T));
}

inline ByteView as_bytes(std::string_view text) {
    return std::as_bytes(std::span(text.data(), text.size()));
}

inline std::string_view as_text(ByteView bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace diskpaxos
