#include "node/machine_id.hpp"

#include <cctype>

namespace diskpaxos::node {

std::string plain_machine_id(const std::string& text) {
    constexpr std::size_t length = 32;
    std::string digits;
    for (const char c : text) {
        if (c == '-') continue;
        if (std::isxdigit(static_cast<unsigned char>(c)) == 0) return text;
        digits += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    }
    if (digits.size() != length) return text;
    return digits == std::string(length, '0') ? "" : digits;
}

}  // namespace diskpaxos::node
