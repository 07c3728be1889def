// diskpaxos-caw: what a LUN is, whether it compares, how processes contend on it, how fast it is.
//
//   diskpaxos-caw probe URL
//   diskpaxos-caw contend PROCESSES INCREMENTS URL…    which is these three:
//   diskpaxos-caw format URL
//   diskpaxos-caw join PROCESSES INCREMENTS URL…
//   diskpaxos-caw show URL
//   diskpaxos-caw measure ROUNDS URL
#include <fmt/format.h>

#include <string_view>

#include "contention.hpp"
#include "rig.hpp"

using namespace diskpaxos;

namespace {

int fail(const Error& error) {
    fmt::print(stderr, "diskpaxos-caw: {}: {}\n", word(error.code), error.sentence);
    return exit_code(error.code);
}

int probe(const std::string& url) {
    scsi::Rig rig;
    const auto disk = rig.open(url);
    if (!disk) return fail(disk.error());
    const scsi::LunFacts& facts = (*disk)->facts();
    constexpr const char* durability[] = {"write-through", "fua", "flush"};
    fmt::print("{}: {} blocks of {} bytes, {}, {}\n", (*disk)->name(), facts.blocks,
               facts.block_size, durability[static_cast<unsigned>(facts.durability)],
               facts.identity.empty() ? "without a name" : facts.identity);
    return 0;
}

void print(const scsi::Tally& tally) {
    fmt::print("counted={} doubts={} misses={} failures={} seconds={:.2f} ", tally.counted,
               tally.doubts, tally.misses, tally.failures, tally.seconds);
}

int contend(unsigned processes, unsigned increments, const std::vector<std::string>& urls) {
    const auto result = scsi::contend(urls, processes, increments);
    if (!result) return fail(result.error());
    print(result->all);
    fmt::print("final={} {}\n", result->final_count, result->exact() ? "exact" : "NOT EXACT");
    return result->exact() ? 0 : 1;
}

int join(unsigned processes, unsigned increments, const std::vector<std::string>& urls) {
    const auto result = scsi::join(urls, processes, increments);
    if (!result) return fail(result.error());
    print(*result);
    fmt::print("\n");
    return 0;
}

int format(const std::string& url) {
    const auto result = scsi::format(url);
    return result ? 0 : fail(result.error());
}

int show(const std::string& url) {
    const auto result = scsi::show(url);
    if (!result) return fail(result.error());
    fmt::print("final={}\n", *result);
    return 0;
}

int measure(unsigned rounds, const std::string& url) {
    const auto result = scsi::measure(url, rounds);
    if (!result) return fail(result.error());
    fmt::print("raw {:.1f}/{:.1f} guessed {:.1f}/{:.1f} cold {:.1f}/{:.1f} us (p50/p99)\n",
               result->raw.p50, result->raw.p99, result->guessed.p50, result->guessed.p99,
               result->cold.p50, result->cold.p99);
    return 0;
}

unsigned number(const std::string& text) {
    return static_cast<unsigned>(std::stoul(text));
}

}  // namespace

int main(int count, char** words) {
    const std::vector<std::string> word(words + 1, words + count);
    if (word.size() == 2 && word[0] == "probe") return probe(word[1]);
    if (word.size() >= 4 && word[0] == "contend") {
        return contend(number(word[1]), number(word[2]), {word.begin() + 3, word.end()});
    }
    if (word.size() >= 4 && word[0] == "join") {
        return join(number(word[1]), number(word[2]), {word.begin() + 3, word.end()});
    }
    if (word.size() == 2 && word[0] == "format") return format(word[1]);
    if (word.size() == 2 && word[0] == "show") return show(word[1]);
    if (word.size() == 3 && word[0] == "measure") return measure(number(word[1]), word[2]);
    fmt::print(stderr,
               "usage: diskpaxos-caw probe URL | contend PROCESSES INCREMENTS URL... | measure "
               "ROUNDS URL\n");
    return 64;
}
