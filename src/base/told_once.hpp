// What is wrong with several things, each reason told once.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace diskpaxos {

struct Trouble {
    std::string name;  // of what
    std::string why;
};

// Of a sentence such as "NAME: why". One that does not begin with the name keeps it to itself.
Trouble trouble_of(std::string_view name, std::string_view sentence);

// One sentence for each reason, with the names of all that it is about, as in "a and b: no answer".
// In the order of what comes first.
std::vector<std::string> told_once(const std::vector<Trouble>& troubles);

std::string list(const std::vector<std::string>& words);  // "a, b and c"

}  // namespace diskpaxos
