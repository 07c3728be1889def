#include "cli/help.hpp"

#include <fmt/format.h>

#include "cli/help_text.hpp"
#include "cli/invocation.hpp"
#include "cli/nearest.hpp"

namespace diskpaxos::cli {

namespace {

Json described(const Verb& verb) {
    Json object;
    object["verb"] = verb.name;
    object["summary"] = verb.summary;
    object["usage"] = Json::array();
    for (const Form& form : verb.forms) object["usage"].push_back(call_of(verb, form));
    object["options"] = Json::array();
    for (const Option& option : verb.options) {
        Json entry;
        entry["name"] = fmt::format("--{}", option.name);
        entry["value"] = option.value == nullptr ? Json() : Json(option.value);
        entry["text"] = meaning(option);
        object["options"].push_back(std::move(entry));
    }
    return object;
}

void show_overview(Output& out) {
    out.line("Locks, consensus and small linearizable values on nothing but shared disks.\n");
    out.line("usage: diskpaxos VERB [OPTIONS] ...\n");
    for (const Verb& verb : offered_verbs()) {
        out.line(summary_line(verb));
    }
    out.line("\n\"diskpaxos help VERB\" explains one. Every verb knows --json and --help (-h).");
    out.line("\"diskpaxos --version\" (-V) is \"diskpaxos version\". Options follow the verb.");
    Json object;
    object["verbs"] = Json::array();
    for (const Verb& verb : offered_verbs()) object["verbs"].push_back(described(verb));
    out.object(std::move(object));
}

}  // namespace

void show_help(const Verb& verb, Output& out) {
    out.line(help_text(verb));
    out.object(described(verb));
}

Result<int> run_help(const Invocation& call, Output& out) {
    if (call.arguments().empty()) {
        show_overview(out);
        return 0;
    }
    const Verb* verb = find_verb(call.arguments().front());
    if (verb == nullptr) {
        const std::string& word = call.arguments().front();
        const std::string meant = did_you_mean(word, verb_names());
        return usage(fmt::format("there is no verb \"{}\"{}", word,
                                 meant.empty() ? "; \"diskpaxos help\" lists them" : meant));
    }
    show_help(*verb, out);
    return 0;
}

}  // namespace diskpaxos::cli
