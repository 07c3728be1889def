// `completion`: the completion script of a shell, written from the table of verbs.
#include <fmt/format.h>

#include <string>

#include "cli/invocation.hpp"
#include "cli/output.hpp"

namespace diskpaxos::cli {

namespace {

std::string verb_names() {
    std::string names;
    for (const Verb& verb : offered_verbs()) {
        names += fmt::format("{}{}", names.empty() ? "" : " ", verb.name);
    }
    return names;
}

std::string form_words(const Verb& verb) {
    std::string words;
    for (const Form& form : verb.forms) {
        if (*form.word != 0) words += fmt::format("{}{}", words.empty() ? "" : " ", form.word);
    }
    return words;
}

// What may stand where the first argument goes, as a list of words; empty: files, or anything.
std::string first_words(const Verb& verb) {
    const std::string_view kind = verb.completes;
    if (kind == "verb") return verb_names();
    if (kind == "shell") return "bash zsh fish";
    return form_words(verb);
}

bool takes_file(const Verb& verb) { return std::string_view(verb.completes) == "file"; }

// In single quotes for any of the three shells; the text of the table has no quotes in it.
std::string in_quotes(std::string_view text) {
    std::string result = "'";
    for (const char c : text) {
        if (c == '\'') result += "'\\''";
        else result += c;
    }
    return result + "'";
}

std::string bash_options(const Verb& verb) {
    std::string words;
    for (const Option& option : verb.options) words += fmt::format(" --{}", option.name);
    return words;
}

std::string bash_values(const Verb& verb) {
    std::string text;
    for (const Option& option : verb.options) {
        if (option.value == nullptr) continue;
        std::string names = fmt::format("--{}", option.name);
        if (option.letter != 0) names += fmt::format("|-{}", option.letter);
        const std::string words = *option.choices != 0
                                      ? fmt::format("-W {}", in_quotes(option.choices))
                                      : std::string("-f");
        text += fmt::format("        {}:{}) COMPREPLY=($(compgen {} -- \"$word\")); return ;;\n",
                            verb.name, names, words);
    }
    // One pattern per name: "verb:--disk|verb:-d".
    for (std::size_t at = 0; (at = text.find("|-", at)) != std::string::npos;) {
        const std::string prefix = fmt::format("{}:", verb.name);
        text.insert(at + 1, prefix);
        at += prefix.size() + 2;
    }
    return text;
}

std::string bash() {
    std::string values;
    std::string rest;
    for (const Verb& verb : offered_verbs()) {
        values += bash_values(verb);
        const std::string words = first_words(verb);
        rest += fmt::format("        {}) options={}; words={}; files={} ;;\n", verb.name,
                            in_quotes(bash_options(verb)), in_quotes(words),
                            takes_file(verb) ? "-f" : "");
    }
    return fmt::format(
        "# bash completion of diskpaxos\n"
        "_diskpaxos() {{\n"
        "    local word=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD-1]}}\n"
        "    local verb=${{COMP_WORDS[1]}} options= words= files=\n"
        "    COMPREPLY=()\n"
        "    if ((COMP_CWORD == 1)); then\n"
        "        COMPREPLY=($(compgen -W {} -- \"$word\"))\n"
        "        return\n"
        "    fi\n"
        "    case $verb:$before in\n{}    esac\n"
        "    case $verb in\n{}        *) return ;;\n    esac\n"
        "    if [[ $word == -* ]]; then\n"
        "        COMPREPLY=($(compgen -W \"$options\" -- \"$word\"))\n"
        "    elif [[ -n $files ]]; then\n"
        "        COMPREPLY=($(compgen -f -- \"$word\"))\n"
        "    elif ((COMP_CWORD == 2)); then\n"
        "        COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n"
        "    fi\n"
        "}}\n"
        "complete -o filenames -F _diskpaxos diskpaxos",
        in_quotes(verb_names()), values, rest);
}

// Colons and brackets mean something to _arguments.
std::string zsh_text(std::string_view text) {
    std::string result;
    for (const char c : text) {
        if (c == ':' || c == '[' || c == ']') result += '\\';
        result += c;
    }
    return result;
}

std::string zsh_option(const Option& option) {
    std::string action;
    if (option.value != nullptr) {
        action = *option.choices != 0
                     ? fmt::format(":{}:({})", zsh_text(option.value), option.choices)
                     : fmt::format(":{}:_files", zsh_text(option.value));
    }
    const char* repeat = option.repeated ? "*" : "";
    const std::string tail = fmt::format("[{}]{}", zsh_text(option.text), action);
    std::string line = " ";  // appended to: g++ 12 warns of nothing at " " + string
    line += in_quotes(fmt::format("{}--{}{}", repeat, option.name, tail));
    if (option.letter != 0) {
        line += ' ';
        line += in_quotes(fmt::format("{}-{}{}", repeat, option.letter, tail));
    }
    return line;
}

std::string zsh() {
    std::string names;
    std::string cases;
    for (const Verb& verb : offered_verbs()) {
        names += ' ';
        names += in_quotes(fmt::format("{}:{}", verb.name, zsh_text(verb.summary)));
        std::string options;
        for (const Option& option : verb.options) options += zsh_option(option);
        const std::string words = first_words(verb);
        if (!words.empty()) options += fmt::format(" '1:word:({})'", words);
        else if (takes_file(verb)) options += " '*:disk:_files'";
        cases += fmt::format("        {}) _arguments{} ;;\n", verb.name, options);
    }
    return fmt::format(
        "#compdef diskpaxos\n"
        "_diskpaxos() {{\n"
        "    local -a verbs\n"
        "    verbs=({} )\n"
        "    if ((CURRENT == 2)); then\n"
        "        _describe verb verbs\n"
        "        return\n"
        "    fi\n"
        "    local verb=${{words[2]}}\n"
        "    shift words\n"
        "    ((CURRENT--))\n"
        "    case $verb in\n{}    esac\n"
        "}}\n"
        "compdef _diskpaxos diskpaxos",
        names, cases);
}

std::string fish() {
    std::string text = "complete -c diskpaxos -f";
    for (const Verb& verb : offered_verbs()) {
        text += fmt::format("\ncomplete -c diskpaxos -n __fish_use_subcommand -a {} -d {}",
                            verb.name, in_quotes(verb.summary));
        const std::string here =
            fmt::format("\ncomplete -c diskpaxos -n '__fish_seen_subcommand_from {}'", verb.name);
        if (const std::string words = first_words(verb); !words.empty()) {
            text += fmt::format("{} -a {}", here, in_quotes(words));
        } else if (takes_file(verb)) {
            text += here + " -F";
        }
        for (const Option& option : verb.options) {
            text += fmt::format("{} -l {}", here, option.name);
            if (option.letter != 0) text += fmt::format(" -s {}", option.letter);
            if (option.value != nullptr) text += " -r";
            if (*option.choices != 0) text += fmt::format(" -a {}", in_quotes(option.choices));
            else if (option.value != nullptr) text += " -F";
            text += fmt::format(" -d {}", in_quotes(option.text));
        }
    }
    return text;
}

}  // namespace

Result<int> run_completion(const Invocation& call, Output& out) {
    const std::string& shell = call.arguments().front();
    std::string script;
    if (shell == "bash") script = bash();
    else if (shell == "zsh") script = zsh();
    else if (shell == "fish") script = fish();
    else
        return usage(
            fmt::format("there is no completion for \"{}\"; it is one of: bash zsh fish", shell));
    out.line(script);
    Json object;
    object["shell"] = shell;
    object["script"] = script;
    out.object(std::move(object));
    return 0;
}

}  // namespace diskpaxos::cli
