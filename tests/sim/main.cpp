// diskpaxos-sim: runs seeds of the simulator. A seed that fails is named with the command that
// replays it, even if the program itself stopped at a CHECK.
#include <fmt/format.h>

#include <algorithm>
#include <boost/program_options.hpp>
#include <chrono>
#include <csignal>
#include <iostream>
#include <optional>
#include <string>
#include <unistd.h>

#include "sim/colony_swarm.hpp"
#include "sim/swarm.hpp"
#include "sim/ward_swarm.hpp"

namespace {

using namespace diskpaxos;

char replay_line[96];

void on_abort(int) {
    const auto length = std::find(std::begin(replay_line), std::end(replay_line), '\0');
    [[maybe_unused]] const auto written =
        write(STDERR_FILENO, replay_line, static_cast<std::size_t>(length - replay_line));
}

// What a seed is a run of, and on disks of which kinds.
enum class Scene { registers, tiers, ceilings, crowd, groups, locks };

struct Campaign {
    Scene scene = Scene::registers;
    DiskKinds kinds = DiskKinds::passive;
};

std::string options_of(Campaign campaign) {
    static constexpr const char* scenes[] = {"",         "--tiers ",  "--ceilings ",
                                             "--crowd ", "--groups ", "--locks "};
    static constexpr const char* kinds[] = {"", "--mixed ", "--active "};
    return fmt::format("{}{}", scenes[static_cast<int>(campaign.scene)],
                       kinds[static_cast<int>(campaign.kinds)]);
}

void remember(std::uint64_t seed, Campaign campaign) {
    *fmt::format_to_n(replay_line, sizeof replay_line - 1,
                      "replay: diskpaxos-sim {}--seed {} --runs 1 --verbose\n",
                      options_of(campaign), seed)
         .out = '\0';
}

void print_marks(const sim::Marks& marks) {
    for (std::size_t i = 0; i < sim::mark_names.size(); ++i) {
        fmt::print("  {:<24}{:>12}\n", sim::mark_names[i], marks[static_cast<sim::Mark>(i)]);
    }
}

struct Verdict {
    std::string violation;
    std::uint64_t steps;
};

sim::Setup draw(Campaign campaign, std::uint64_t seed) {
    switch (campaign.scene) {
        case Scene::crowd: return sim::draw_crowd(seed);
        case Scene::tiers: return sim::draw_tiers(seed);
        case Scene::ceilings: return sim::draw_ceilings(seed, campaign.kinds);
        default: return sim::draw_setup(seed, campaign.kinds);
    }
}

// One run: processes on bare registers, hosts on a whole group, or sessions and locks.
Verdict run_one(Campaign campaign, std::uint64_t seed, bool verbose, sim::Marks& marks) {
    const DiskKinds kinds = campaign.kinds;
    if (campaign.scene == Scene::groups) {
        const auto outcome = sim::simulate_colony(seed, sim::draw_colony(seed, kinds), verbose);
        marks.add(outcome.on_the_way);
        return {outcome.violation, outcome.steps};
    }
    if (campaign.scene == Scene::locks) {
        const auto outcome = sim::simulate_ward(seed, sim::draw_ward(seed, kinds), verbose);
        marks.add(outcome.on_the_way);
        return {outcome.violation, outcome.steps};
    }
    const sim::Outcome outcome = sim::simulate(seed, draw(campaign, seed), verbose);
    marks.add(outcome.marks);
    return {outcome.violation, outcome.steps};
}

int run(std::uint64_t seed, std::uint64_t runs, double seconds, Campaign campaign,
        bool verbose) {
    const auto began = std::chrono::steady_clock::now();
    const auto elapsed = [&] {
        return std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
    };
    sim::Marks marks;
    std::uint64_t done = 0, steps = 0, failed = 0;
    for (; (runs == 0 || done < runs) && (seconds == 0 || elapsed() < seconds); ++done) {
        remember(seed + done, campaign);
        const Verdict outcome = run_one(campaign, seed + done, verbose, marks);
        steps += outcome.steps;
        if (outcome.violation.empty()) continue;
        fmt::print("seed {}: {}\n{}", seed + done, outcome.violation, replay_line);
        if (++failed == 10) break;
    }
    fmt::print("{} seeds, {} steps, {} failed, {:.0f} seeds a second\n", done, steps, failed,
               static_cast<double>(done) / elapsed());
    const bool paths_only = campaign.scene == Scene::groups || campaign.scene == Scene::locks;
    if (!paths_only || campaign.kinds != DiskKinds::passive) print_marks(marks);
    return failed == 0 ? 0 : 1;
}

// Null: two options say different things of what a seed is to be.
std::optional<Campaign> chosen(const boost::program_options::variables_map& given) {
    static constexpr std::pair<const char*, Scene> scenes[] = {{"tiers", Scene::tiers},
                                                               {"ceilings", Scene::ceilings},
                                                               {"crowd", Scene::crowd},
                                                               {"groups", Scene::groups},
                                                               {"locks", Scene::locks}};
    Campaign campaign;
    unsigned said = 0;
    for (const auto& [option, scene] : scenes) {
        if (!given.contains(option)) continue;
        campaign.scene = scene;
        ++said;
    }
    const bool active = given.contains("active"), mixed = given.contains("mixed");
    const bool of_any_kind = said == 0 || campaign.scene == Scene::groups ||
                             campaign.scene == Scene::locks || campaign.scene == Scene::ceilings;
    if (campaign.scene == Scene::ceilings) campaign.kinds = DiskKinds::active;
    if (said > 1 || (active && mixed) || ((active || mixed) && !of_any_kind)) return std::nullopt;
    if (active) campaign.kinds = DiskKinds::active;
    if (mixed) campaign.kinds = DiskKinds::mixed;
    return campaign;
}

}  // namespace

int main(int argc, char** argv) {
    namespace po = boost::program_options;
    po::options_description options("diskpaxos-sim");
    options.add_options()("help", "this text")(
        "seed", po::value<std::uint64_t>()->default_value(1), "the first seed")(
        "runs", po::value<std::uint64_t>()->default_value(0), "how many seeds; 0: no limit")(
        "seconds", po::value<double>()->default_value(0), "for how long; 0: no limit")(
        "active", "the same, or groups, or locks, on active disks: nobody has a slot")(
        "mixed", "the same, or groups, or locks, on disks of both kinds")(
        "tiers", "processes on bare registers whose rows have doors")(
        "ceilings", "the same on active disks with ceilings of ranks; or, with --mixed, on both kinds")(
        "crowd", "thousands of clients that come and go, on active disks")(
        "groups", "hosts on whole groups, with healing, instead of processes on bare registers")(
        "locks", "sessions and locks, on clocks that drift")(
        "verbose", "tell every step");
    po::variables_map given;
    try {
        po::store(po::parse_command_line(argc, argv, options), given);
    } catch (const po::error& error) {
        fmt::print(stderr, "diskpaxos-sim: {}\n", error.what());
        return 2;
    }
    const auto runs = given["runs"].as<std::uint64_t>();
    const auto seconds = given["seconds"].as<double>();
    if (given.contains("help") || (runs == 0 && seconds == 0)) {
        std::cout << options << "One of --runs and --seconds is needed.\n";
        return given.contains("help") ? 0 : 2;
    }
    const std::optional<Campaign> campaign = chosen(given);
    if (!campaign) {
        fmt::print(stderr, "diskpaxos-sim: one of --tiers, --ceilings, --crowd, --groups and --locks; "
                           "--active or --mixed by itself, or with --ceilings, --groups or --locks\n");
        return 2;
    }
    std::signal(SIGABRT, on_abort);
    return run(given["seed"].as<std::uint64_t>(), runs, seconds, *campaign,
               given.contains("verbose"));
}
