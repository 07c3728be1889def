// Output: what people and scripts see. Results go to stdout, as text or, with --json, as one
// object; warnings and errors go to stderr as one sentence each. An error is an object on stdout as
// well.
#pragma once

#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "diskpaxos/error.hpp"

namespace diskpaxos::cli {

using Json = nlohmann::ordered_json;

enum class Colour : std::uint8_t { none, good, warning, bad, faint };

class Output {
  public:
    explicit Output(bool json);

    bool json() const { return json_; }
    void line(std::string_view text);  // text mode only
    void object(Json object);          // JSON mode only; its last key is "warnings"
    // One of many, as text or as a JSON line of its own; whoever reads along sees it at once.
    void event(std::string_view text, const Json& object);
    void warn(const std::string& sentence);

    // On stderr, in text mode only: what a person who waits wants to know.
    void note(const std::string& sentence);

    // On stderr only: for a "no" whose object was printed as a result.
    void complain(const char* word, const std::string& sentence);

    int fail(const Error& error) {
        return fail(word(error.code), error.sentence, exit_code(error.code));
    }
    int fail(const char* word, const std::string& sentence, int code);

    // `text` for stdout in this colour, if a terminal is there to show it.
    std::string paint(Colour colour, std::string_view text) const;

    // How commands in sentences are made such that a person can paste them; `pasteable` uses it, and
    // all that goes to stderr.
    void rewrite_commands(std::function<std::string(std::string_view)> rewrite) {
        rewrite_ = std::move(rewrite);
    }
    std::string pasteable(std::string_view sentence) const {
        return rewrite_ ? rewrite_(sentence) : std::string(sentence);
    }

    // From now on the disks are changed: who does not see the result must not take that for a no.
    void changed() { changed_ = true; }

    // `code`, or that of an error if stdout could not take all of it.
    int finish(int code);

  private:
    bool json_;
    bool changed_ = false;
    bool colour_;        // of stdout
    bool error_colour_;  // of stderr
    std::vector<std::string> warnings_;
    std::function<std::string(std::string_view)> rewrite_;
};

std::string rfc3339(std::uint64_t unix_ms);
std::string in_bytes(double bytes);  // as in "8.2 MiB"
bool is_utf8(std::string_view text);
// For a terminal: escapes, byte by byte, what is not text. All that comes from disks goes through it.
std::string printable(std::string_view text);
std::string counted(std::uint64_t number, std::string_view one, std::string_view many);  // "1 name"
std::string cells_and_slots(std::uint64_t cells, std::uint64_t slots);  // "2 cells and 1 slot", "1 slot"

}  // namespace diskpaxos::cli
