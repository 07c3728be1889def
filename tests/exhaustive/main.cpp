// diskpaxos-exhaustive: runs rows of the table, or tells the shortest schedule of one as a story.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "rows.hpp"
#include "story.hpp"

namespace {

using namespace diskpaxos;
using namespace diskpaxos::exhaustive;

constexpr std::string_view usage =
    "diskpaxos-exhaustive [--soak] [--most STATES] [ROW...]   search rows, all if none is named\n"
    "diskpaxos-exhaustive --story ROW                         tell the shortest violation\n"
    "diskpaxos-exhaustive --list                              name the rows\n";

struct Options {
    bool soak = false;
    bool story = false;
    bool list = false;
    bool wrong = false;
    std::size_t most = 40'000'000;
    std::vector<std::string_view> names;
};

Options parse(int argc, char** argv) {
    Options options;
    for (int i = 1; i < argc; ++i) {
        const std::string_view word = argv[i];
        if (word == "--soak") {
            options.soak = true;
        } else if (word == "--story") {
            options.story = true;
        } else if (word == "--list") {
            options.list = true;
        } else if (word == "--most" && i + 1 < argc) {
            const std::string_view number = argv[++i];
            const auto end = number.data() + number.size();
            options.wrong |= std::from_chars(number.data(), end, options.most).ptr != end;
        } else if (word.starts_with("-") || find_row(word) == nullptr) {
            options.wrong = true;
        } else {
            options.names.push_back(word);
        }
    }
    return options;
}

void tell_row(const Row& row) {
    active_mutant = row.cluster.mutant;
    Search search(row.cluster);
    const Search::Result result = search.run(40'000'000);
    if (result.violation.empty()) {
        fmt::print("{}: nothing to tell, no rule was broken\n", row.name);
        return;
    }
    const Story story = tell(search, result.schedule);
    fmt::print("{}\n{}\n\n", row.name, row.rule);
    int number = 0;
    for (const std::string& line : story.lines) fmt::print("{:3}. {}\n", ++number, line);
    fmt::print("\n{}\n", story.ending);
}

bool search_row(const Row& row, std::size_t most) {
    active_mutant = row.cluster.mutant;
    Search search(row.cluster);
    const Search::Result result = search.run(most);
    const bool good = row.safe ? result.complete : !result.violation.empty();
    const std::string verdict =
        !result.violation.empty()
            ? fmt::format("VIOLATION in {} steps", result.schedule.size())
            : fmt::format("{}, depth {}", result.complete ? "OK" : "no violation so far",
                          result.depth);
    const std::string skipped =
        result.skipped == 0 ? "" : fmt::format("  ({} steps skipped)", result.skipped);
    fmt::print("{:28} {:26} {:>10} states {:>11} steps {:>8} local {:>8} runs {:7.1f} s  {}{}{}\n",
               row.name, verdict, result.states, result.steps, result.local_states, result.runs,
               result.seconds, row.theirs, skipped, good ? "" : "  UNEXPECTED");
    std::fflush(stdout);
    return good;
}

}  // namespace

int main(int argc, char** argv) {
    const Options options = parse(argc, argv);
    if (options.wrong || (options.story && options.names.size() != 1)) {
        fmt::print(stderr, "{}", usage);
        return 2;
    }
    bool good = true;
    for (const Row& row : rows()) {
        const bool named = std::ranges::find(options.names, row.name) != options.names.end();
        if (!named && (!options.names.empty() || (row.soak && !options.soak))) continue;
        if (options.list) {
            fmt::print("{:28} {}\n", row.name, row.rule);
        } else if (options.story) {
            tell_row(row);
        } else {
            good = search_row(row, options.most) && good;
        }
    }
    return good ? 0 : 1;
}
