// The completion script of fish.
#include <fmt/format.h>

#include "cli/completion.hpp"

namespace diskpaxos::cli {

namespace {

constexpr const char* helpers = R"sh(function __diskpaxos_groups
    for file in ~/.config/diskpaxos/*.conf /etc/diskpaxos/*.conf
        string replace -r '.*/(.*)\.conf$' '$1' $file
    end
end
function __diskpaxos_locks
    set -l words (commandline -opc)
    set -l disks
    for i in (seq (math (count $words) - 1))
        if contains -- $words[$i] -d --disk -g --group
            set -a disks $words[$i] $words[(math $i + 1)]
        end
    end
    diskpaxos ls --names --timeout 2 $disks 2>/dev/null
end
function __diskpaxos_command
    set -l words (commandline -opc)
    set -l dashes (contains -i -- -- $words); or return
    set -e words[1..$dashes]
    complete -C (string join -- ' ' $words (commandline -ct))
end
complete -c diskpaxos -f
)sh";

std::string text_of(const Option& option) {
    std::string text = fmt::format(" -l {}", option.name);
    if (option.letter != 0) text += fmt::format(" -s {}", option.letter);
    if (option.value != nullptr) {
        switch (offer_of(option)) {
            case Offer::files: text += " -r -F"; break;
            case Offer::groups: text += " -r -F -a '(__diskpaxos_groups)'"; break;
            case Offer::words: text += fmt::format(" -x -a {}", in_quotes(option.choices)); break;
            case Offer::locks:
            case Offer::nothing: text += " -x"; break;
        }
    }
    return text + fmt::format(" -d {}", in_quotes(option.text));
}

std::string arguments(const Verb& verb) {
    const FirstArgument first = first_argument(verb);
    switch (first.offer) {
        case Offer::files: return " -F";
        case Offer::locks: return " -a '(__diskpaxos_locks)'";
        case Offer::words: return fmt::format(" -a {}", in_quotes(first.words));
        case Offer::groups:
        case Offer::nothing: break;
    }
    return "";
}

}  // namespace

std::string fish_completion() {
    std::string text = helpers;
    for (const Verb& verb : offered_verbs()) {
        text += fmt::format("complete -c diskpaxos -n __fish_use_subcommand -a {} -d {}\n",
                            verb.name, in_quotes(verb.summary));
        const std::string here =
            fmt::format("complete -c diskpaxos -n '__fish_seen_subcommand_from {}'", verb.name);
        if (const std::string first = arguments(verb); !first.empty()) text += here + first + '\n';
        if (runs_command(verb)) text += here + " -a '(__diskpaxos_command)'\n";
        for (const Option& option : verb.options) text += here + text_of(option) + '\n';
    }
    text.pop_back();
    return text;
}

}  // namespace diskpaxos::cli
