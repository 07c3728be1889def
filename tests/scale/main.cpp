// diskpaxos-crowd: very many clients, each of them new, on three disk agents of its own.
//
// Nobody is known in advance and nobody comes twice. Everything that anybody was told is written
// down and must be linearizable; what is acknowledged must be counted once; and the agents must not
// grow with those who have been there, neither in memory nor on their disks.
#include <fmt/format.h>
#include <sys/resource.h>

#include <boost/program_options.hpp>
#include <deque>
#include <iostream>
#include <thread>

#include "scale/agents.hpp"
#include "scale/house.hpp"
#include "scale/judgement.hpp"
#include "scale/state.hpp"
#include "sim/sanitized.hpp"

namespace po = boost::program_options;
using namespace diskpaxos;
using namespace diskpaxos::scale;
using namespace std::chrono_literals;

namespace {

constexpr double mib = 1 << 20;
// Bytes that an agent may grow by after the first tenth of the clients; and per connection, since
// more or less of those who left are still being noticed.
constexpr std::uint64_t most_growth = 1 << 20;
constexpr std::uint64_t most_growth_of_connection = 8192;

struct Words {
    Order order;
    std::string agent;
    std::string folder;
    bool state = false;
};

std::optional<Words> understood(int count, char** arguments) {
    Words words;
    const char* const scratch = getenv("TMPDIR");
    po::options_description options("diskpaxos-crowd");
    auto add = options.add_options();
    add("clients", po::value(&words.order.clients)->default_value(2000), "how many come in all");
    add("processes", po::value(&words.order.processes)->default_value(2), "they live in so many");
    add("alive", po::value(&words.order.alive)->default_value(64), "at a time, in each of these");
    add("names", po::value(&words.order.names)->default_value(512), "of cells that they use");
    add("own-connections", po::bool_switch(&words.order.own_connections),
        "each client its own connection to each agent");
    add("state", po::bool_switch(&words.state),
        "no crowd: what an agent keeps per register and per connection");
    add("agent", po::value(&words.agent)->default_value(DISKPAXOS_AGENT), "the program");
    add("folder", po::value(&words.folder)->default_value(scratch ? scratch : "/var/tmp"),
        "where the stores are made");
    add("help", "this text");
    po::variables_map values;
    po::store(po::parse_command_line(count, arguments, options), values);
    po::notify(values);
    const bool sound = words.order.clients > 0 && words.order.processes > 0 &&
                       words.order.alive > 0 && words.order.names >= hot_names;
    if (sound && !values.contains("help")) return words;
    std::cout << options;
    return std::nullopt;
}

void raise_descriptor_limit() {
    rlimit limit{};
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

using Sizes = std::vector<std::uint64_t>;  // one per agent

Sizes memory_of(const Agents& agents) {
    Sizes sizes;
    for (const auto& agent : agents) sizes.push_back(agent->memory());
    return sizes;
}
Sizes stored_by(const Agents& agents) {
    Sizes sizes;
    for (const auto& agent : agents) sizes.push_back(agent->stored());
    return sizes;
}

// Until so many have gone; not if nobody does any more.
bool await(const Board& board, std::uint64_t due) {
    unsigned gone = board.gone;
    for (auto last = std::chrono::steady_clock::now(); gone < due;) {
        std::this_thread::sleep_for(2ms);
        if (gone != board.gone) last = std::chrono::steady_clock::now();
        gone = board.gone;
        if (std::chrono::steady_clock::now() - last > 90s) return false;
    }
    return true;
}

// The agents' memory when so many hundredths of the clients have gone.
std::vector<Sizes> watch(const Agents& agents, const Order& order, const Board& board) {
    std::vector<Sizes> samples;
    for (const unsigned hundredths : {1U, 10U, 50U, 100U}) {
        if (!await(board, std::uint64_t{order.clients} * hundredths / 100)) return {};
        samples.push_back(memory_of(agents));
        fmt::print("memory at {:>3} % of the clients:", hundredths);
        for (const std::uint64_t bytes : samples.back()) {
            fmt::print(" {:.2f} MiB", static_cast<double>(bytes) / mib);
        }
        fmt::print("\n");
        std::fflush(stdout);
    }
    return samples;
}

double percentile(const std::vector<double>& sorted, std::size_t percent) {
    if (sorted.empty()) return 0;
    return sorted[std::min(sorted.size() - 1, sorted.size() * percent / 100)];
}

void show(const Judgement& judgement, const Board& board, double seconds) {
    fmt::print(
        "clients     {} in {:.1f} s ({:.0f} a second), {} of them killed, {} failed; {} "
        "connections "
        "had to wait\n",
        board.gone.load(), seconds, board.gone / seconds, board.killed.load(), board.failed.load(),
        board.turned_away.load());
    fmt::print(
        "operations  {} ({:.0f} a second); and {} cut off, {} of unknown outcome, {} undecided\n",
        judgement.operations, static_cast<double>(judgement.operations) / seconds,
        judgement.cut_off, judgement.unknown, judgement.undecided);
    fmt::print("get         p50 {:.2f} ms, p99 {:.2f} ms ({})\n", percentile(judgement.gets, 50),
               percentile(judgement.gets, 99), judgement.gets.size());
    fmt::print("change      p50 {:.2f} ms, p99 {:.2f} ms ({})\n",
               percentile(judgement.changes_took, 50), percentile(judgement.changes_took, 99),
               judgement.changes_took.size());
    fmt::print("histories   {} checked, the longest of {} operations; {} not linearizable{}\n",
               judgement.histories, judgement.longest, judgement.not_linearizable,
               judgement.checker_has_teeth ? "" : "; THE CHECKER BELIEVES ANYTHING");
    fmt::print("sums        {} changes acknowledged, {} happened; {} names wrong\n",
               judgement.changes, judgement.versions, judgement.wrong_sums);
}

bool run(const Words& words) {
    const Order& order = words.order;
    const Folder folder(words.folder);
    const Agents agents = start_agents(words.agent, folder, geometry_for(order).blocks());
    const std::vector<std::string> urls = urls_of(agents);
    Child formatting([&] { format(urls, order); });
    if (formatting.wait() != 0) return false;
    const Sizes stored = stored_by(agents);

    Notes notes(order);
    Board& board = notes.board();
    const Instant start = io::boot_time();
    std::deque<Child> houses;
    for (unsigned i = 0; i < order.processes; ++i) {
        houses.emplace_back([&] { House(urls, order, notes).run(); });
    }
    const std::vector<Sizes> memory = watch(agents, order, board);
    if (memory.empty()) return false;
    bool fine = true;
    for (Child& house : houses) fine &= house.wait() == 0;
    const double seconds = std::chrono::duration<double>(io::boot_time() - start).count();
    Child reading([&] { House(urls, order, notes).read_names(); });
    fine &= reading.wait() == 0;

    const Judgement judgement = judge(notes, order);
    show(judgement, board, seconds);
    std::uint64_t growth = 0;
    for (std::size_t i = 0; i < agents.size(); ++i) {
        growth = std::max(growth, memory[3][i] - std::min(memory[1][i], memory[3][i]));
    }
    const bool same_size = stored_by(agents) == stored;
    fmt::print(
        "agents      {} bytes on each disk, {}; {:.2f} MiB more memory since the first tenth\n",
        stored.front(), same_size ? "as before" : "BUT NOT AS BEFORE",
        static_cast<double>(growth) / mib);
    const unsigned connections = order.own_connections ? order.processes * order.alive : 0;
    const std::uint64_t allowed = most_growth + connections * most_growth_of_connection;
    fine &= judgement.fine() && board.failed == 0 && same_size &&
            (sim::sanitized || growth <= allowed);  // a sanitizer keeps what was freed
    fmt::print("{}\n", fine ? "fine" : "NOT FINE");
    return fine;
}

}  // namespace

int main(int count, char** arguments) try {
    const auto words = understood(count, arguments);
    if (!words) return 64;
    raise_descriptor_limit();
    if (words->state) return show_state(words->agent, words->folder) ? 0 : 1;
    return run(*words) ? 0 : 1;
} catch (const std::exception& error) {
    fmt::print(stderr, "diskpaxos-crowd: {}\n", error.what());
    return 64;
}
