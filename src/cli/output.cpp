#include "cli/output.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>

namespace diskpaxos::cli {

namespace {

bool wants_colour(int fd) {
    const char* no_colour = std::getenv("NO_COLOR");
    const char* terminal = std::getenv("TERM");
    if (no_colour != nullptr && *no_colour != 0) return false;
    return isatty(fd) == 1 && terminal != nullptr && std::strcmp(terminal, "dumb") != 0;
}

const char* escape(Colour colour) {
    switch (colour) {
        case Colour::none: return "";
        case Colour::good: return "\033[32m";
        case Colour::warning: return "\033[33m";
        case Colour::bad: return "\033[31m";
        case Colour::faint: return "\033[2m";
    }
    return "";
}

std::string painted(bool on, Colour colour, std::string_view text) {
    if (!on || colour == Colour::none) return std::string(text);
    return fmt::format("{}{}\033[0m", escape(colour), text);
}

void put(std::FILE* file, std::string_view text) {
    const std::string line = std::string(text) + '\n';  // at once: others write to stderr, too
    std::fwrite(line.data(), 1, line.size(), file);
}

std::string dumped(const Json& object) {
    return object.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

Output::Output(bool json)
    : json_(json),
      colour_(!json && wants_colour(STDOUT_FILENO)),
      error_colour_(wants_colour(STDERR_FILENO)) {}

void Output::line(std::string_view text) {
    if (!json_) put(stdout, text);
}

void Output::object(Json object) {
    if (!json_) return;
    object["warnings"] = warnings_;
    put(stdout, dumped(object));
}

void Output::event(std::string_view text, const Json& object) {
    put(stdout, json_ ? dumped(object) : text);
    std::fflush(stdout);
}

void Output::warn(const std::string& sentence) {
    warnings_.push_back(pasteable(sentence));
    std::fflush(stdout);
    put(stderr, fmt::format("diskpaxos: {}: {}", painted(error_colour_, Colour::warning, "warning"),
                            printable(warnings_.back())));
}

void Output::note(const std::string& sentence) {
    if (json_) return;
    std::fflush(stdout);
    put(stderr, fmt::format("diskpaxos: {}", printable(pasteable(sentence))));
}

void Output::complain(const char* word, const std::string& sentence) {
    std::fflush(stdout);
    put(stderr,
        fmt::format("diskpaxos: {}: {}", painted(error_colour_, Colour::bad, word),
                    printable(pasteable(sentence))));
}

int Output::fail(const char* word, const std::string& sentence, int code) {
    Json error;
    error["error"] = word;
    error["message"] = pasteable(sentence);
    if (json_) put(stdout, dumped(error));
    complain(word, sentence);
    return code;
}

std::string Output::paint(Colour colour, std::string_view text) const {
    return painted(colour_, colour, text);
}

int Output::finish(int code) {
    errno = 0;
    if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return code;
    const int error = errno != 0 ? errno : EIO;
    const Code why = changed_ ? Code::not_printed : Code::io;
    const char* const done = changed_ ? "the change was applied, but could not be printed; " : "";
    complain(word(why), fmt::format("{}standard output: {}", done, std::strerror(error)));
    return code != 0 ? code : exit_code(why);
}

std::string rfc3339(std::uint64_t unix_ms) {
    const auto seconds = static_cast<std::time_t>(unix_ms / 1000);
    return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", fmt::gmtime(seconds), unix_ms % 1000);
}

std::string in_bytes(double bytes) {
    static constexpr std::array<const char*, 5> units = {"B", "KiB", "MiB", "GiB", "TiB"};
    std::size_t unit = 0;
    while (bytes >= 1024 && unit + 1 < units.size()) {
        bytes /= 1024;
        ++unit;
    }
    return fmt::format("{:.{}f} {}", bytes, unit == 0 ? 0 : 1, units[unit]);
}

bool is_utf8(std::string_view text) {
    try {
        const std::string dumped = Json(std::string(text)).dump();  // strict by default
        return !dumped.empty();
    } catch (const Json::exception&) {
        return false;
    }
}

namespace {

// The character that `text` begins with, and its length in bytes; none: it is not UTF-8.
struct Character {
    std::uint32_t point = 0;
    std::size_t length = 0;
};
std::optional<Character> first_of(std::string_view text) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const std::size_t length = byte(0) < 0x80             ? 1
                               : (byte(0) & 0xe0) == 0xc0 ? 2
                               : (byte(0) & 0xf0) == 0xe0 ? 3
                               : (byte(0) & 0xf8) == 0xf0 ? 4
                                                          : 0;
    const bool whole = length > 0 && length <= text.size();
    if (!whole || (length > 1 && !is_utf8(text.substr(0, length)))) return std::nullopt;
    std::uint32_t point = length == 1 ? byte(0) : byte(0) & (0x7fU >> length);
    for (std::size_t i = 1; i < length; ++i) point = point << 6 | (byte(i) & 0x3fU);
    return Character{point, length};
}

// What a terminal obeys instead of showing it, or what makes text look like another: controls, C1
// ones too, and what turns the direction of writing, which Unicode lists as Bidi_Control.
bool is_shown(std::uint32_t point) {
    const bool control = point < 0x20 || (point >= 0x7f && point < 0xa0);
    const bool turning = point == 0x061c || point == 0x200e || point == 0x200f ||
                         (point >= 0x202a && point <= 0x202e) ||
                         (point >= 0x2066 && point <= 0x2069);
    const bool line = point == 0x2028 || point == 0x2029;
    return !control && !turning && !line;
}

}  // namespace

std::string printable(std::string_view text) {
    std::string result;
    while (!text.empty()) {
        const std::optional<Character> character = first_of(text);
        const std::size_t length = character ? character->length : 1;
        for (const char c : text.substr(0, length)) {
            if (character && is_shown(character->point)) result += c;
            else result += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
        }
        text.remove_prefix(length);
    }
    return result;
}

std::string counted(std::uint64_t number, std::string_view one, std::string_view many) {
    return fmt::format("{} {}", number, number == 1 ? one : many);
}

std::string cells_and_slots(std::uint64_t cells, std::uint64_t slots) {
    if (slots == 0) return counted(cells, "cell", "cells");
    const std::string some = counted(slots, "slot", "slots");
    return cells == 0 ? some : counted(cells, "cell", "cells") + " and " + some;
}

}  // namespace diskpaxos::cli
