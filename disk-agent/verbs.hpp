// The verbs of the command, in a table of the same kind as that of `diskpaxos`: parsing and help both
// follow it. Each gives its exit code, or an error with its word and sentence.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "cli/invocation.hpp"
#include "diskpaxos/error.hpp"

namespace diskpaxos::agent {

using Words = std::vector<std::string>;

struct AgentVerb {
    cli::Verb words;
    Result<int> (*run)(const cli::Invocation& call);
};
std::span<const AgentVerb> verbs();
const AgentVerb* find_verb(std::string_view name);
std::unexpected<Error> no_verb(const std::string& word);  // what there is to say of that

Result<int> run_create(const cli::Invocation& call);
Result<int> run_serve(const cli::Invocation& call);
Result<int> run_check(const cli::Invocation& call);
Result<int> run_help(const cli::Invocation& call);
Result<int> run_version(const cli::Invocation& call);

using cli::usage;

// What was asked for, on stdout. False: it could not be printed there.
bool print(const std::string& text);
std::unexpected<Error> not_printed();  // and nothing was changed

}  // namespace diskpaxos::agent
