#include "cli/pasteable.hpp"

#include <algorithm>

#include "cli/verbs.hpp"

namespace diskpaxos::cli {

namespace {

constexpr std::string_view begin = "\"diskpaxos ";

bool takes(std::string_view verb, std::string_view name) {
    const Verb* found = find_verb(verb);
    if (found == nullptr) return false;
    return std::ranges::any_of(
        found->options, [=](const Option& option) { return std::string_view(option.name) == name; });
}

}  // namespace

std::string pasteable(std::string_view sentence, std::string_view disks,
                      const std::function<std::string()>& each) {
    std::string text;
    while (true) {
        const std::size_t found = sentence.find(begin);
        if (found == std::string_view::npos) break;
        const std::size_t verb = found + begin.size();
        const std::size_t end = std::min(sentence.find('"', verb), sentence.size());
        const std::string_view words = sentence.substr(verb, end - verb);
        const std::size_t length = std::min(words.find(' '), words.size());
        text += sentence.substr(0, verb + length);
        const bool named = words.contains(" -g ") || words.contains(" -d ");
        const std::string_view name = words.substr(0, length);
        if (!named && takes(name, "disk")) text += takes(name, "group") ? std::string(disks) : each();
        sentence.remove_prefix(verb + length);
    }
    return text + std::string(sentence);
}

}  // namespace diskpaxos::cli
