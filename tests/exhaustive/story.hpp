// A schedule told as a story, while all its processes live at once on the real code. Every step is
// compared with what the search believed; a difference is an error of the search, and stops it.
#pragma once

#include <string>
#include <vector>

#include "search.hpp"

namespace diskpaxos::exhaustive {

struct Story {
    std::vector<std::string> lines;
    std::string ending;  // what was wrong in the end; empty if nothing was
};

Story tell(Search& search, const std::vector<Choice>& schedule);

}  // namespace diskpaxos::exhaustive
