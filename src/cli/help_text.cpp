#include "cli/help_text.hpp"

#include <fmt/format.h>

#include <algorithm>

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

}  // namespace

std::string meaning(const Option& option) {
    return *option.choices == 0 ? option.text
                                : fmt::format("{}; one of: {}", option.text, option.choices);
}

std::string call_of(const Verb& verb, const Form& form) {
    std::string text = fmt::format("{} {}", verb.program, verb.name);
    for (const char* part : {form.word, form.arguments}) {
        if (*part != 0) text += fmt::format(" {}", part);
    }
    return text;
}

std::string summary_line(const Verb& verb) {
    return fmt::format("  {:<12} {}", verb.name, verb.summary);
}

std::string help_text(const Verb& verb) {
    std::string text = fmt::format("{} {}: {}\n\n", verb.program, verb.name, verb.summary);
    for (const Form& form : verb.forms) {
        text += fmt::format("  {}\n", call_of(verb, form));
        if (*form.text != 0) text += fmt::format("      {}\n", wrapped(form.text, 6));
    }
    text += "\noptions:\n";
    for (const Option& option : verb.options) {
        text += fmt::format("  {:<24} {}\n", synopsis(option), wrapped(meaning(option), 27));
    }
    if (*verb.notes != 0) text += fmt::format("\n{}\n", wrapped(verb.notes, 0));
    text.pop_back();
    return text;
}

}  // namespace diskpaxos::cli
