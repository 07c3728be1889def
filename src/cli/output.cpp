#include "cli/output.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

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
    warnings_.push_back(sentence);
    std::fflush(stdout);
    put(stderr, fmt::format("diskpaxos: {}: {}", painted(error_colour_, Colour::warning, "warning"),
                            sentence));
}

void Output::complain(const char* word, const std::string& sentence) {
    std::fflush(stdout);
    put(stderr,
        fmt::format("diskpaxos: {}: {}", painted(error_colour_, Colour::bad, word), sentence));
}

int Output::fail(const char* word, const std::string& sentence, int code) {
    Json error;
    error["error"] = word;
    error["message"] = sentence;
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

std::string printable(std::string_view text) {
    const bool utf8 = is_utf8(text);
    std::string result;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        const bool plain = byte >= 0x20 && byte != 0x7f && (byte < 0x80 || utf8);
        if (plain) result += c;
        else result += fmt::format("\\x{:02x}", byte);
    }
    return result;
}

}  // namespace diskpaxos::cli
