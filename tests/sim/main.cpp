// diskpaxos-sim: runs seeds of the simulator. A seed that fails is named with the command that
// replays it, even if the program itself stopped at a CHECK.
#include <fmt/format.h>

#include <algorithm>
#include <boost/program_options.hpp>
#include <chrono>
#include <csignal>
#include <iostream>
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

// What a seed is a run of.
enum class Scene { registers, tiers, active, mixed, ceilings, mixed_ceilings, crowd, groups, locks };

void remember(std::uint64_t seed, Scene scene) {
    static constexpr const char* options[] = {
        "",         "--tiers ",  "--active ", "--mixed ", "--ceilings ", "--ceilings --mixed ",
        "--crowd ", "--groups ", "--locks "};
    *fmt::format_to_n(replay_line, sizeof replay_line - 1,
                      "replay: diskpaxos-sim {}--seed {} --runs 1 --verbose\n",
                      options[static_cast<int>(scene)], seed)
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

sim::Setup draw(Scene scene, std::uint64_t seed) {
    switch (scene) {
        case Scene::crowd: return sim::draw_crowd(seed);
        case Scene::tiers: return sim::draw_tiers(seed);
        case Scene::active: return sim::draw_setup(seed, DiskKinds::active);
        case Scene::mixed: return sim::draw_setup(seed, DiskKinds::mixed);
        case Scene::ceilings: return sim::draw_ceilings(seed, DiskKinds::active);
        case Scene::mixed_ceilings: return sim::draw_ceilings(seed, DiskKinds::mixed);
        default: return sim::draw_setup(seed);
    }
}

// One run: processes on bare registers, hosts on a whole group, or sessions and locks.
Verdict run_one(Scene scene, std::uint64_t seed, bool verbose, sim::Marks& marks) {
    if (scene == Scene::groups) {
        const auto outcome = sim::simulate_colony(seed, sim::draw_colony(seed), verbose);
        return {outcome.violation, outcome.steps};
    }
    if (scene == Scene::locks) {
        const auto outcome = sim::simulate_ward(seed, sim::draw_ward(seed), verbose);
        return {outcome.violation, outcome.steps};
    }
    const sim::Outcome outcome = sim::simulate(seed, draw(scene, seed), verbose);
    marks.add(outcome.marks);
    return {outcome.violation, outcome.steps};
}

int run(std::uint64_t seed, std::uint64_t runs, double seconds, Scene scene, bool verbose) {
    const auto began = std::chrono::steady_clock::now();
    const auto elapsed = [&] {
        return std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
    };
    sim::Marks marks;
    std::uint64_t done = 0, steps = 0, failed = 0;
    for (; (runs == 0 || done < runs) && (seconds == 0 || elapsed() < seconds); ++done) {
        remember(seed + done, scene);
        const Verdict outcome = run_one(scene, seed + done, verbose, marks);
        steps += outcome.steps;
        if (outcome.violation.empty()) continue;
        fmt::print("seed {}: {}\n{}", seed + done, outcome.violation, replay_line);
        if (++failed == 10) break;
    }
    fmt::print("{} seeds, {} steps, {} failed, {:.0f} seeds a second\n", done, steps, failed,
               static_cast<double>(done) / elapsed());
    if (scene < Scene::groups) print_marks(marks);
    return failed == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
    namespace po = boost::program_options;
    po::options_description options("diskpaxos-sim");
    options.add_options()("help", "this text")(
        "seed", po::value<std::uint64_t>()->default_value(1), "the first seed")(
        "runs", po::value<std::uint64_t>()->default_value(0), "how many seeds; 0: no limit")(
        "seconds", po::value<double>()->default_value(0), "for how long; 0: no limit")(
        "tiers", "processes on bare registers whose rows have doors")(
        "active", "processes without slots on active disks")(
        "mixed", "processes on disks of both kinds")(
        "ceilings", "the same whose agents have ceilings of ranks; with --mixed: on disks of both kinds")(
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
    const bool ceilings = given.contains("ceilings");
    const bool mixed = given.contains("mixed");
    const Scene scene = given.contains("locks")    ? Scene::locks
                        : given.contains("groups") ? Scene::groups
                        : given.contains("crowd")  ? Scene::crowd
                        : ceilings && mixed        ? Scene::mixed_ceilings
                        : ceilings                 ? Scene::ceilings
                        : mixed                    ? Scene::mixed
                        : given.contains("tiers")  ? Scene::tiers
                        : given.contains("active") ? Scene::active
                                                   : Scene::registers;
    if (given.contains("help") || (runs == 0 && seconds == 0)) {
        std::cout << options << "One of --runs and --seconds is needed.\n";
        return given.contains("help") ? 0 : 2;
    }
    std::signal(SIGABRT, on_abort);
    return run(given["seed"].as<std::uint64_t>(), runs, seconds, scene,
               given.contains("verbose"));
}
