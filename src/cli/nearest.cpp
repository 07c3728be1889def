#include "cli/nearest.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <vector>


namespace diskpaxos::cli {

namespace {

// How many letters are left out, added, changed or swapped with their neighbour between the two
// ("optimal string alignment").
std::size_t distance(std::string_view a, std::string_view b) {
    std::vector<std::vector<std::size_t>> least(a.size() + 1,
                                                std::vector<std::size_t>(b.size() + 1));
    for (std::size_t i = 0; i <= a.size(); ++i) least[i][0] = i;
    for (std::size_t j = 0; j <= b.size(); ++j) least[0][j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t changed = least[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
            least[i][j] = std::min({least[i - 1][j] + 1, least[i][j - 1] + 1, changed});
            const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
            if (swapped) least[i][j] = std::min(least[i][j], least[i - 2][j - 2] + 1);
        }
    }
    return least[a.size()][b.size()];
}

constexpr std::size_t longest = 32;  // no word of ours has more

}  // namespace

std::string did_you_mean(std::string_view word, std::span<const std::string_view> choices) {
    if (word.size() < 2 || word.size() > longest) return {};
    std::size_t least = std::max<std::size_t>(1, word.size() / 3) + 1;
    std::string_view best;
    for (const std::string_view choice : choices) {
        const std::size_t far = distance(word, choice);
        if (far >= least || far >= choice.size()) continue;
        least = far;
        best = choice;
    }
    const auto begins = [&](std::string_view choice) { return choice.starts_with(word); };
    if (best.empty() && std::ranges::count_if(choices, begins) == 1) {
        best = *std::ranges::find_if(choices, begins);
    }
    return best.empty() ? "" : fmt::format("; did you mean \"{}\"?", best);
}

}  // namespace diskpaxos::cli
