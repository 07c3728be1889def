#include "disk-agent/verbs.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "cli/help_text.hpp"
#include "cli/nearest.hpp"

namespace diskpaxos::agent {

namespace {

constexpr cli::Option help{"help", 'h', nullptr, "explain this verb"};
constexpr const char* program = "diskpaxos-agent";

cli::Verb of_the_agent(cli::Verb verb) {
    verb.program = program;
    return verb;
}

cli::Verb create() {
    return of_the_agent(
        {"create",
         "make an empty store",
         {{"", "PATH", 1, 1, "of a file, which is created if it is missing, or of a device"}},
         {{"blocks", 0, "N", "how many blocks, one per register (32768)"},
          {"block-size", 0, "SIZE", "bytes per block (512)", false, "512 4096"},
          {"force", 0, nullptr, "overwrite what is there"},
          help},
         "What is there already is named, and stays unless --force is given.",
         "file",
         nullptr});
}

cli::Verb serve() {
    return of_the_agent(
        {"serve",
         "serve stores to clients",
         {{"", "--store NAME=PATH ... [--unix PATH ...] [--listen HOST:PORT ...]", 0, 0,
           "until SIGTERM or SIGINT; SIGHUP reads keys, certificates and rules again"}},
         {{"store", 0, "NAME=PATH", "a store, and the name by which clients ask for it; repeat it",
           true},
          {"unix", 0, "PATH", "a UNIX socket to listen at; repeat it", true},
          {"listen", 0, "HOST:PORT", "a place to listen at by TCP; repeat it", true},
          {"access", 0, "FILE",
           "who may do what; without it root, this user, and whoever has a key may do all"},
          {"keys", 0, "FILE", "lines NAME:HEX, the keys of clients (\"diskpaxos agent key\")"},
          {"cert", 0, "FILE", "our certificate (PEM)"},
          {"cert-key", 0, "FILE", "its key (PEM)"},
          {"ca", 0, "FILE", "who signs the certificates of clients (PEM)"},
          {"allow-loopback", 0, nullptr,
           "plain TCP on loopback: any user of this host could connect"},
          {"connections", 0, "N", "at most so many at a time (2048)"},
          {"verbose", 'v', nullptr, "say who comes and goes"},
          help},
         "By TCP beyond this host it wants --keys, or --cert, --cert-key and --ca. The log goes to "
         "stderr. It tells systemd when it is ready (Type=notify).",
         "",
         nullptr});
}

cli::Verb check() {
    return of_the_agent({"check",
                         "read a store that nobody serves",
                         {{"", "PATH", 1, 1, "says what is in it; exits with 1 if blocks are damaged"}},
                         {help},
                         "It writes nothing.",
                         "file",
                         nullptr});
}

cli::Verb explain() {
    return of_the_agent(
        {"help", "explain a verb", {{"", "[VERB]", 0, 1, ""}}, {help}, "", "verb", nullptr});
}

cli::Verb version() {
    return of_the_agent(
        {"version", "print the version", {{"", "", 0, 0, ""}}, {help}, "", "", nullptr});
}

std::string overview() {
    std::string text =
        "Makes files and block devices active disks of diskpaxos.\n\n"
        "usage: diskpaxos-agent VERB [OPTIONS] ...\n\n";
    for (const AgentVerb& verb : verbs()) text += cli::summary_line(verb.words) + '\n';
    return text +
           "\n\"diskpaxos-agent help VERB\" explains one, as --help (-h) after it does.\n"
           "\"diskpaxos-agent --version\" (-V) is \"diskpaxos-agent version\".\n";
}

}  // namespace

std::span<const AgentVerb> verbs() {
    static const std::vector<AgentVerb> table = {{create(), run_create},
                                                 {serve(), run_serve},
                                                 {check(), run_check},
                                                 {version(), run_version},
                                                 {explain(), run_help}};
    return table;
}

const AgentVerb* find_verb(std::string_view name) {
    const auto found = std::ranges::find_if(
        verbs(), [name](const AgentVerb& verb) { return verb.words.name == name; });
    return found == verbs().end() ? nullptr : &*found;
}

Result<int> run_help(const cli::Invocation& call) {
    std::string text = overview();
    if (!call.arguments().empty()) {
        const AgentVerb* verb = find_verb(call.arguments().front());
        if (verb == nullptr) return no_verb(call.arguments().front());
        text = cli::help_text(verb->words) + '\n';
    }
    if (!print(text)) return not_printed();
    return 0;
}

Result<int> run_version(const cli::Invocation& /*call*/) {
    if (!print(fmt::format("{} {}\n", program, DISKPAXOS_VERSION))) return not_printed();
    return 0;
}

std::unexpected<Error> no_verb(const std::string& word) {
    std::vector<std::string_view> names;
    for (const AgentVerb& verb : verbs()) names.emplace_back(verb.words.name);
    const std::string meant = cli::did_you_mean(word, names);
    return usage(fmt::format("there is no verb \"{}\"{}", word,
                             meant.empty() ? "; see \"diskpaxos-agent help\"" : meant));
}

}  // namespace diskpaxos::agent
