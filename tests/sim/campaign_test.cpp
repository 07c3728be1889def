// The campaign: seeds of every kind of storm (algorithms.md 14.1, 14.2), and what the corpus must
// have come across. The corpus is fixed: it takes as long as the machine needs, and it finds the
// same on every machine. A failing seed is replayed by `diskpaxos-sim --seed N --runs 1 --verbose`.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "sim/sanitized.hpp"
#include "sim/swarm.hpp"

namespace diskpaxos::sim {
namespace {

constexpr std::uint64_t seeds = sanitized ? 300 : 7'000;
constexpr std::uint64_t active_seeds = sanitized ? 200 : 4'000;
constexpr std::uint64_t crowds = sanitized ? 1 : 20;
constexpr std::uint64_t misconfigured_seeds = 20;

// Two processes of these use one block: drawn storms hardly ever look like an intruder.
Setup misconfigured(std::uint64_t seed) {
    Setup setup = draw_setup(seed);
    setup.shared_place = true;
    setup.liveness = false;
    return setup;
}

struct Corpus {
    const char* option;
    std::uint64_t seeds;
    Setup (*draw)(std::uint64_t seed);
};

constexpr Corpus corpora[] = {
    {"", seeds, [](std::uint64_t seed) { return draw_setup(seed); }},
    {"--tiers ", active_seeds, draw_tiers},
    {"--active ", active_seeds,
     [](std::uint64_t seed) { return draw_setup(seed, DiskKinds::active); }},
    {"--mixed ", active_seeds, [](std::uint64_t seed) { return draw_setup(seed, DiskKinds::mixed); }},
    {"--crowd ", crowds, [](std::uint64_t seed) { return draw_crowd(seed); }}};

TEST(Campaign, NoSeedFindsAViolation) {
    Marks marks;
    for (const Corpus& corpus : corpora) {
        for (std::uint64_t seed = 1; seed <= corpus.seeds; ++seed) {
            SCOPED_TRACE(fmt::format("diskpaxos-sim {}--seed {} --runs 1 --verbose", corpus.option,
                                     seed));
            const Outcome outcome = simulate(seed, corpus.draw(seed));
            marks.add(outcome.marks);
            ASSERT_EQ(outcome.violation, "");
        }
    }
    if (sanitized) return;  // too few seeds for the rare ones
    for (std::uint64_t seed = 1; seed <= misconfigured_seeds; ++seed) {
        marks.add(simulate(seed, misconfigured(seed)).marks);
    }
    for (std::size_t i = 0; i < mark_names.size(); ++i) {
        // A process remembers its attempts, so that one that it cannot tell is too rare for a corpus.
        if (static_cast<Mark>(i) == Mark::applied_by_another) continue;
        // Drawn by wards and colonies only: these seeds are to mean what they always meant.
        if (static_cast<Mark>(i) == Mark::agent_stopped) continue;
        EXPECT_GT(marks[static_cast<Mark>(i)], 0U) << "never happened: " << mark_names[i];
    }
}

}  // namespace
}  // namespace diskpaxos::sim
