// `completion`: the completion script of a shell.
#include "cli/completion.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>

#include "cli/invocation.hpp"
#include "cli/nearest.hpp"
#include "cli/output.hpp"

namespace diskpaxos::cli {

namespace {

constexpr std::array<std::string_view, 3> shells = {"bash", "zsh", "fish"};

std::string form_words(const Verb& verb) {
    std::string words;
    for (const Form& form : verb.forms) {
        if (*form.word != 0) words += fmt::format("{}{}", words.empty() ? "" : " ", form.word);
    }
    return words;
}

}  // namespace

Offer offer_of(const Option& option) {
    const std::string_view value = option.value;
    if (*option.choices != 0) return Offer::words;
    if (value == "NAME|FILE") return Offer::groups;
    if (value == "PATH" || value == "FILE" || value == "DIR") return Offer::files;
    return Offer::nothing;  // a number, a time, a new name
}

FirstArgument first_argument(const Verb& verb) {
    const std::string_view kind = verb.completes;
    if (kind == "file") return {Offer::files, ""};
    if (kind == "lock") return {Offer::locks, ""};
    if (kind == "verb") return {Offer::words, all_verbs()};
    if (kind == "shell") return {Offer::words, fmt::format("{}", fmt::join(shells, " "))};
    std::string words = form_words(verb);
    return words.empty() ? FirstArgument() : FirstArgument{Offer::words, std::move(words)};
}

bool runs_command(const Verb& verb) {
    return std::string_view(verb.forms.front().arguments).contains(" -- ");
}

std::string all_verbs() { return fmt::format("{}", fmt::join(verb_names(), " ")); }

std::string in_quotes(std::string_view text) {
    std::string result = "'";
    for (const char c : text) {
        if (c == '\'') result += "'\\''";
        else result += c;
    }
    return result + "'";
}

Result<int> run_completion(const Invocation& call, Output& out) {
    const std::string& shell = call.arguments().front();
    std::string script;
    if (shell == "bash") script = bash_completion();
    else if (shell == "zsh") script = zsh_completion();
    else if (shell == "fish") script = fish_completion();
    else
        return usage(fmt::format("there is no completion for \"{}\"; it is one of: {}{}", shell,
                                 fmt::join(shells, " "), did_you_mean(shell, shells)));
    out.line(script);
    Json object;
    object["shell"] = shell;
    object["script"] = script;
    out.object(std::move(object));
    return 0;
}

}  // namespace diskpaxos::cli
