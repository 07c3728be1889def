// diskpaxos-caw: what a LUN is, whether it compares, how processes contend on it, how fast it is.
//
//   diskpaxos-caw probe URL
//   diskpaxos-caw contend PROCESSES INCREMENTS URL…
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

int contend(unsigned processes, unsigned increments, const std::vector<std::string>& urls) {
    const auto result = scsi::contend(urls, processes, increments);
    if (!result) return fail(result.error());
    fmt::print("counted={} doubts={} final={} misses={} failures={} seconds={:.2f} exact={}\n",
               result->all.counted, result->all.doubts, result->final_count, result->all.misses,
               result->all.failures, result->seconds, result->exact());
    return result->exact() ? 0 : 1;
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
    if (word.size() == 3 && word[0] == "measure") return measure(number(word[1]), word[2]);
    fmt::print(stderr,
               "usage: diskpaxos-caw probe URL | contend PROCESSES INCREMENTS URL... | measure "
               "ROUNDS URL\n");
    return 64;
}
