#include "golden/hex.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace diskpaxos {

namespace {

constexpr std::size_t per_line = 16;

unsigned long long number(std::string_view text) {
    unsigned long long value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
    CHECK(error == std::errc() && end == text.data() + text.size());
    return value;
}

}  // namespace

std::string to_hex(ByteView bytes) {
    std::string text;
    for (std::size_t at = 0; at < bytes.size(); at += per_line) {
        const ByteView line = bytes.subspan(at, std::min(per_line, bytes.size() - at));
        if (std::ranges::all_of(line, [](std::byte b) { return b == std::byte{0}; })) continue;
        text += fmt::format("{:06x} ", at);
        std::string characters;
        for (const std::byte byte : line) {
            const auto code = static_cast<unsigned char>(byte);
            text += fmt::format(" {:02x}", code);
            characters += code >= 0x20 && code < 0x7f ? static_cast<char>(code) : '.';
        }
        text += fmt::format("  |{}|\n", characters);
    }
    return text;
}

void from_hex(std::string_view text, ByteSpan out) {
    std::ranges::fill(out, std::byte{0});
    while (!text.empty()) {
        const std::string_view line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(text.size(), line.size() + 1));
        if (line.empty() || line[0] == '#') continue;
        const std::size_t at = number(line.substr(0, 6));
        for (std::size_t i = 0; i < per_line && at + i < out.size(); ++i) {
            out[at + i] = static_cast<std::byte>(number(line.substr(8 + 3 * i, 2)));
        }
    }
}

}  // namespace diskpaxos
