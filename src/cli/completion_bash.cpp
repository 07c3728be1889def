// The completion script of bash.
#include <fmt/format.h>

#include "cli/completion.hpp"

namespace diskpaxos::cli {

namespace {

// What does not depend on the table. Names of locks may hold slashes and blanks: they are no files.
constexpr const char* helpers = R"sh(# bash completion of diskpaxos
_diskpaxos_offer() {
    local name
    compopt +o filenames 2>/dev/null
    while IFS= read -r name; do
        [[ -n $name && $name == "$word"* ]] && COMPREPLY+=("$(printf %q "$name")")
    done
}
_diskpaxos_files() { mapfile -t COMPREPLY < <(compgen -f -- "$word"); }
_diskpaxos_words() { mapfile -t COMPREPLY < <(compgen -W "$1" -- "$word"); }
_diskpaxos_groups() {
    local file
    _diskpaxos_files
    for file in ~/.config/diskpaxos/*.conf /etc/diskpaxos/*.conf; do
        file=${file##*/}
        [[ $file != '*.conf' && $file == "$word"* ]] && COMPREPLY+=("${file%.conf}")
    done
}
_diskpaxos_locks() {
    local i disks=()
    for ((i = 2; i < COMP_CWORD - 1; i++)); do
        case ${COMP_WORDS[i]} in
            -d|--disk|-g|--group) disks+=("${COMP_WORDS[i]}" "${COMP_WORDS[i+1]/#\~/$HOME}") ;;
        esac
    done
    _diskpaxos_offer < <(diskpaxos ls --names --timeout 2 "${disks[@]}" 2>/dev/null)
}
# The command of "run", which has a completion of its own.
_diskpaxos_command() {
    if declare -F _command_offset >/dev/null; then
        _command_offset "$1"
    elif ((COMP_CWORD == $1)); then
        mapfile -t COMPREPLY < <(compgen -c -- "$word")
    else
        _diskpaxos_files
    fi
}
)sh";

constexpr const char* body = R"sh(    local i position=0
    for ((i = 2; i < COMP_CWORD; i++)); do
        if [[ ${COMP_WORDS[i]} == -- ]]; then
            if [[ -n $command ]]; then _diskpaxos_command $((i + 1)); return; fi
        elif [[ " $valued " == *" ${COMP_WORDS[i]} "* ]]; then
            ((i++))
        elif [[ ${COMP_WORDS[i]} != -* ]]; then
            ((position++))
        fi
    done
    if [[ $word == -* ]]; then
        _diskpaxos_words "$options"
    elif [[ $first == files ]]; then
        _diskpaxos_files
    elif ((position == 0)); then
        case $first in
            locks) _diskpaxos_locks ;;
            words) _diskpaxos_words "$words" ;;
        esac
    fi
)sh";

std::string action(const Option& option) {
    switch (offer_of(option)) {
        case Offer::files: return "_diskpaxos_files; ";
        case Offer::groups: return "_diskpaxos_groups; ";
        case Offer::words: return fmt::format("_diskpaxos_words {}; ", in_quotes(option.choices));
        case Offer::locks:
        case Offer::nothing: break;
    }
    return "";
}

const char* word_of(Offer offer) {
    switch (offer) {
        case Offer::files: return "files";
        case Offer::locks: return "locks";
        case Offer::words: return "words";
        case Offer::groups:
        case Offer::nothing: break;
    }
    return "";
}

// As in "run:--disk|run:-d) _diskpaxos_files; return ;;".
std::string values(const Verb& verb) {
    std::string text;
    for (const Option& option : verb.options) {
        if (option.value == nullptr) continue;
        text += fmt::format("        {}:--{}", verb.name, option.name);
        if (option.letter != 0) text += fmt::format("|{}:-{}", verb.name, option.letter);
        text += fmt::format(") {}return ;;\n", action(option));
    }
    return text;
}

std::string traits(const Verb& verb) {
    std::string options;
    std::string valued;
    for (const Option& option : verb.options) {
        options += fmt::format(" --{}", option.name);
        if (option.value == nullptr) continue;
        valued += fmt::format(" --{}", option.name);
        if (option.letter != 0) valued += fmt::format(" -{}", option.letter);
    }
    const FirstArgument first = first_argument(verb);
    return fmt::format("        {}) options={}; valued={}; first={}; words={}; command={} ;;\n",
                       verb.name, in_quotes(options), in_quotes(valued), word_of(first.offer),
                       in_quotes(first.words), runs_command(verb) ? "yes" : "");
}

}  // namespace

std::string bash_completion() {
    std::string all_values;
    std::string all_traits;
    for (const Verb& verb : offered_verbs()) {
        all_values += values(verb);
        all_traits += traits(verb);
    }
    std::string text = helpers;
    text += "_diskpaxos() {\n"
            "    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}\n"
            "    local verb=${COMP_WORDS[1]} options= valued= first= words= command=\n"
            "    COMPREPLY=()\n"
            "    if ((COMP_CWORD == 1)); then\n";
    text += fmt::format("        _diskpaxos_words {}\n        return\n    fi\n",
                        in_quotes(all_verbs()));
    text += fmt::format("    case $verb in\n{}        *) return ;;\n    esac\n", all_traits);
    text += "    if [[ \" ${COMP_WORDS[*]:2:COMP_CWORD-2} \" != *' -- '* ]]; then\n";
    text += fmt::format("    case $verb:$before in\n{}    esac\n    fi\n{}}}\n", all_values, body);
    return text + "complete -o filenames -F _diskpaxos diskpaxos";
}

}  // namespace diskpaxos::cli
