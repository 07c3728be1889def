// The verbs of the command. Each gives its exit code, or an error with its word and sentence.
#pragma once

#include <string>
#include <vector>

#include "diskpaxos/error.hpp"

namespace diskpaxos::agent {

using Words = std::vector<std::string>;

Result<int> run_create(const Words& words);
Result<int> run_serve(const Words& words);
Result<int> run_check(const Words& words);

std::unexpected<Error> usage(std::string sentence);

// What was asked for, on stdout. False: it could not be printed there.
bool print(const std::string& text);
std::unexpected<Error> not_printed();  // and nothing was changed

}  // namespace diskpaxos::agent
