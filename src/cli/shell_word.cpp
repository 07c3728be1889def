#include "cli/shell_word.hpp"

#include <algorithm>
#include <string_view>

#include "cli/output.hpp"

namespace diskpaxos::cli {

namespace {

constexpr std::string_view harmless = "-_./:@%+,=";

bool is_plain(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           harmless.find(c) != std::string_view::npos;
}

}  // namespace

std::string shell_word(const std::string& word) {
    const std::string text = printable(word);
    if (!text.empty() && std::ranges::all_of(text, is_plain)) return text;
    std::string quoted = "'";
    for (const char c : text) {
        if (c == '\'')
            quoted += "'\\''";
        else
            quoted += c;
    }
    return quoted + "'";
}

}  // namespace diskpaxos::cli
