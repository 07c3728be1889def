// Completion scripts, written from the table of verbs. Each shell has one of its own; what they offer
// is decided here.
#pragma once

#include <string>
#include <string_view>

#include "cli/verbs.hpp"

namespace diskpaxos::cli {

enum class Offer : std::uint8_t { nothing, files, groups, locks, words };

// What may stand as the value of this option, which takes one.
Offer offer_of(const Option& option);

struct FirstArgument {
    Offer offer = Offer::nothing;
    std::string words;  // separated by blanks
};
FirstArgument first_argument(const Verb& verb);

// What follows `--` is a command with arguments of its own.
bool runs_command(const Verb& verb);

std::string all_verbs();                     // separated by blanks
std::string in_quotes(std::string_view text);  // single ones, for any of the shells

std::string bash_completion();
std::string zsh_completion();
std::string fish_completion();

}  // namespace diskpaxos::cli
