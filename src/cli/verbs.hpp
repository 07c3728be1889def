// The one table of verbs, arguments and options. Parsing, `help` and `completion` all follow it, so
// that what is offered, what is explained and what is understood cannot differ.
#pragma once

#include <ranges>
#include <span>
#include <string_view>
#include <vector>

#include "diskpaxos/error.hpp"

namespace diskpaxos::cli {

class Invocation;
class Output;

struct Option {
    const char* name;
    char letter;          // 0: none
    const char* value;    // what it takes, as in "PATH"; null: nothing
    const char* text;
    bool repeated = false;
    const char* choices = "";  // separated by blanks; empty: anything
};

struct Form {  // one way to call a verb
    const char* word;       // its second word, as in "cell get"; empty: none
    const char* arguments;  // for people
    std::size_t least;      // how many arguments there must be
    std::size_t most;
    const char* text;
};

struct Verb {
    const char* name;
    const char* summary;
    std::vector<Form> forms;
    std::vector<Option> options;
    const char* notes;      // what else there is to know
    const char* completes;  // first argument: "file", "lock", "verb", "shell" or ""
    Result<int> (*run)(const Invocation& call, Output& out);  // the exit code
    bool hidden = false;    // not offered to people
    const char* program = "diskpaxos";  // diskpaxos-agent has verbs as well
};

std::span<const Verb> verbs();
inline auto offered_verbs() {
    return verbs() | std::views::filter([](const Verb& verb) { return !verb.hidden; });
}
const Verb* find_verb(std::string_view name);
std::vector<std::string_view> verb_names();  // of those that are offered

Result<int> run_format(const Invocation& call, Output& out);
Result<int> run_propose(const Invocation& call, Output& out);
Result<int> run_cell(const Invocation& call, Output& out);
Result<int> run_bury(const Invocation& call, Output& out);
Result<int> run_run(const Invocation& call, Output& out);
Result<int> run_status(const Invocation& call, Output& out);
Result<int> run_hosts(const Invocation& call, Output& out);
Result<int> run_ls(const Invocation& call, Output& out);
Result<int> run_show(const Invocation& call, Output& out);
Result<int> run_explain(const Invocation& call, Output& out);
Result<int> run_watch(const Invocation& call, Output& out);
Result<int> run_break(const Invocation& call, Output& out);
Result<int> run_bench(const Invocation& call, Output& out);
Result<int> run_check(const Invocation& call, Output& out);
Result<int> run_dump(const Invocation& call, Output& out);
Result<int> run_doctor(const Invocation& call, Output& out);
Result<int> run_agent(const Invocation& call, Output& out);
Result<int> run_demo(const Invocation& call, Output& out);
Result<int> run_completion(const Invocation& call, Output& out);
Result<int> run_version(const Invocation& call, Output& out);
Result<int> run_help(const Invocation& call, Output& out);

}  // namespace diskpaxos::cli
