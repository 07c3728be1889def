#include "cli/help.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "cli/invocation.hpp"

namespace diskpaxos::cli {

namespace {

constexpr std::size_t width = 78;

// `text` in lines that begin at `indent`; the first one continues a line of that length.
std::string wrapped(std::string_view text, std::size_t indent) {
    std::string result;
    std::size_t column = indent;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find(' '), text.size());
        if (column > indent && column + 1 + end > width) {
            result += '\n' + std::string(indent, ' ');
            column = indent;
        }
        if (column > indent) result += ' ';
        column += end + (column > indent ? 1 : 0);
        result += text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return result;
}

std::string synopsis(const Option& option) {
    std::string text = option.letter != 0 ? fmt::format("-{}, ", option.letter) : "    ";
    text += fmt::format("--{}", option.name);
    if (option.value != nullptr) text += fmt::format(" {}", option.value);
    return text;
}

std::string meaning(const Option& option) {
    return *option.choices == 0 ? option.text
                                : fmt::format("{}; one of: {}", option.text, option.choices);
}

std::string call_of(const Verb& verb, const Form& form) {
    std::string text = fmt::format("diskpaxos {}", verb.name);
    for (const char* part : {form.word, form.arguments}) {
        if (*part != 0) text += fmt::format(" {}", part);
    }
    return text;
}

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
        out.line(fmt::format("  {:<12} {}", verb.name, verb.summary));
    }
    out.line("\n\"diskpaxos help VERB\" explains one. Every verb knows --json and --help.");
    Json object;
    object["verbs"] = Json::array();
    for (const Verb& verb : offered_verbs()) object["verbs"].push_back(described(verb));
    out.object(std::move(object));
}

}  // namespace

void show_help(const Verb& verb, Output& out) {
    out.line(fmt::format("diskpaxos {}: {}\n", verb.name, verb.summary));
    for (const Form& form : verb.forms) {
        out.line(fmt::format("  {}", call_of(verb, form)));
        if (*form.text != 0) out.line(fmt::format("      {}", wrapped(form.text, 6)));
    }
    out.line("\noptions:");
    for (const Option& option : verb.options) {
        out.line(fmt::format("  {:<24} {}", synopsis(option), wrapped(meaning(option), 27)));
    }
    if (*verb.notes != 0) out.line(fmt::format("\n{}", wrapped(verb.notes, 0)));
    out.object(described(verb));
}

Result<int> run_help(const Invocation& call, Output& out) {
    if (call.arguments().empty()) {
        show_overview(out);
        return 0;
    }
    const Verb* verb = find_verb(call.arguments().front());
    if (verb == nullptr) {
        return usage(fmt::format("there is no verb \"{}\"", call.arguments().front()));
    }
    show_help(*verb, out);
    return 0;
}

}  // namespace diskpaxos::cli
