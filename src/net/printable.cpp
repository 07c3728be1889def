#include "net/printable.hpp"

#include <fmt/format.h>

namespace diskpaxos::net {

std::string printable(std::string_view text) {
    constexpr std::size_t longest = 128;
    std::string result;
    for (const char c : text.substr(0, longest)) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte >= 0x20 && byte < 0x7f && c != '\\') {
            result += c;
        } else {
            result += fmt::format("\\x{:02x}", byte);
        }
    }
    return text.size() > longest ? result + "..." : result;
}

}  // namespace diskpaxos::net
