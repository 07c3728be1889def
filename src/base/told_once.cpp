#include "base/told_once.hpp"

#include <algorithm>

namespace diskpaxos {

Trouble trouble_of(std::string_view name, std::string_view sentence) {
    const bool begins = !name.empty() && sentence.starts_with(name) &&
                        sentence.substr(name.size()).starts_with(": ");
    if (!begins) return {.name = "", .why = std::string(sentence)};
    return {.name = std::string(name), .why = std::string(sentence.substr(name.size() + 2))};
}

std::vector<std::string> told_once(const std::vector<Trouble>& troubles) {
    std::vector<std::string> sentences;
    for (auto first = troubles.begin(); first != troubles.end(); ++first) {
        const auto same = [&](const Trouble& other) {
            return other.why == first->why && other.name.empty() == first->name.empty();
        };
        if (std::any_of(troubles.begin(), first, same)) continue;
        std::vector<std::string> names;
        for (const Trouble& trouble : troubles) {
            if (same(trouble) && !trouble.name.empty()) names.push_back(trouble.name);
        }
        sentences.push_back(names.empty() ? first->why : list(names) + ": " + first->why);
    }
    return sentences;
}

std::string list(const std::vector<std::string>& words) {
    std::string text;
    for (std::size_t i = 0; i < words.size(); ++i) {
        if (i > 0) text += i + 1 == words.size() ? " and " : ", ";
        text += words[i];
    }
    return text;
}

}  // namespace diskpaxos
