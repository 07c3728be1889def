// The completion script of zsh.
#include <fmt/format.h>

#include "cli/completion.hpp"

namespace diskpaxos::cli {

namespace {

constexpr const char* helpers = R"sh(#compdef diskpaxos
_diskpaxos_groups() {
    local -a names
    names=(~/.config/diskpaxos/*.conf(N:t:r) /etc/diskpaxos/*.conf(N:t:r))
    compadd -a names
    _files
}
_diskpaxos_locks() {
    local -a disks names
    local i
    for ((i = 1; i < CURRENT; i++)); do
        case ${words[i]} in
            -d|--disk|-g|--group) disks+=(${words[i]} ${~${(Q)words[i+1]}}) ;;
        esac
    done
    names=(${(f)"$(diskpaxos ls --names --timeout 2 $disks 2>/dev/null)"})
    compadd -a names
}
)sh";

// Colons and brackets mean something to _arguments.
std::string escaped(std::string_view text) {
    std::string result;
    for (const char c : text) {
        if (c == ':' || c == '[' || c == ']') result += '\\';
        result += c;
    }
    return result;
}

std::string action(const Option& option) {
    switch (offer_of(option)) {
        case Offer::files: return "_files";
        case Offer::groups: return "_diskpaxos_groups";
        case Offer::words: return fmt::format("({})", option.choices);
        case Offer::locks:
        case Offer::nothing: break;
    }
    return " ";  // a message, and nothing to choose from
}

std::string text_of(const Option& option) {
    const std::string value =
        option.value == nullptr ? "" : fmt::format(":{}:{}", escaped(option.value), action(option));
    const char* repeat = option.repeated ? "*" : "";
    const std::string tail = fmt::format("[{}]{}", escaped(option.text), value);
    std::string line = " ";  // appended to: g++ 12 warns of nothing at " " + string
    line += in_quotes(fmt::format("{}--{}{}", repeat, option.name, tail));
    if (option.letter != 0) {
        line += ' ';
        line += in_quotes(fmt::format("{}-{}{}", repeat, option.letter, tail));
    }
    return line;
}

std::string arguments(const Verb& verb) {
    const FirstArgument first = first_argument(verb);
    std::string text;
    switch (first.offer) {
        case Offer::files: text = " '*:disk:_files'"; break;
        case Offer::locks: text = " '1:lock:_diskpaxos_locks'"; break;
        case Offer::words: text = fmt::format(" '1:word:({})'", first.words); break;
        case Offer::groups:
        case Offer::nothing: break;
    }
    return runs_command(verb) ? text + " '*::command:_normal'" : text;
}

}  // namespace

std::string zsh_completion() {
    std::string names;
    std::string cases;
    for (const Verb& verb : offered_verbs()) {
        names += ' ';
        names += in_quotes(fmt::format("{}:{}", verb.name, escaped(verb.summary)));
        std::string options;
        for (const Option& option : verb.options) options += text_of(option);
        cases +=
            fmt::format("        {}) _arguments -S{}{} ;;\n", verb.name, options, arguments(verb));
    }
    return helpers + fmt::format(
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

}  // namespace diskpaxos::cli
