// A word as a person can paste it into a shell: in quotes where it needs them.
#pragma once

#include <string>

namespace diskpaxos::cli {

std::string shell_word(const std::string& word);

}  // namespace diskpaxos::cli
