// Help as text, from the entries of a table of verbs. The disk agent's command has its help by it, too.
#pragma once

#include <string>
#include <string_view>

#include "cli/verbs.hpp"

namespace diskpaxos::cli {

std::string call_of(const Verb& verb, const Form& form);  // as in "diskpaxos cell get NAME"
std::string meaning(const Option& option);                // its text, and what it can be

// Of one verb: what it does, each way to call it, each option, what else there is to know.
std::string help_text(const Verb& verb);

// One line of a list of verbs.
std::string summary_line(const Verb& verb);

}  // namespace diskpaxos::cli
