// diskpaxos-yardstick: measures one thing about diskpaxos, or about the floor under it, and prints
// one line of JSON; scripts/bench asks it. Scratch disks only.
//
//   diskpaxos-yardstick OPERATION [OPTION]... DISK...
//
//   format       makes the disks a group of --block-size, --slots, --cells, --ring, --ttl
//   bare         no protocol: on each disk a durable write of a block and a read of --row bytes.
//                DISK is PATH or PATH@OFFSET; or the disks of a group, with --group
//   change       of a value, by who changed it last        change-cold  by a process new to it
//   read         by who changed it last                    read-other   by another: first, and
//   again propose      a decision, by a process new to the group lock         acquire and release
//   of own locks          lock-cold    by a process new to them lock-one     all processes want the
//   same lock          join         from disks to a session renew        the session of who has
//   --held locks takeover     so many --processes are killed with a lock in their hands
//
// Cold and joining processes are counted while they do what is measured, not while they come and
// go: `seconds` is the sum of that.
#include <fmt/format.h>
#include <sys/resource.h>

#include <boost/program_options.hpp>
#include <iostream>
#include <optional>

#include "bench/yardstick/bare.hpp"
#include "bench/yardstick/operations.hpp"

namespace diskpaxos::yardstick {
namespace {

namespace po = boost::program_options;

struct Operation {
    const char* name;
    void (*run)(const Wish& wish);
};
constexpr Operation operations[] = {
    {"format", format},           {"bare", bare}, {"change", change},
    {"change-cold", change_cold}, {"read", read}, {"read-other", read_other},
    {"propose", propose},         {"lock", lock}, {"lock-cold", lock_cold},
    {"lock-one", lock_one},       {"join", join}, {"renew", renew},
    {"takeover", takeover},
};

[[noreturn]] void refuse(const std::string& sentence) {
    fail(Error{Code::usage, sentence});
}

Wish parsed(int count, char** words) {
    Wish wish;
    po::options_description options("options");
    const auto number = [&](const char* name, auto& place) {
        options.add_options()(name, po::value(&place));
    };
    number("processes", wish.processes);
    number("concurrency", wish.concurrency);
    number("seconds", wish.seconds);
    number("held", wish.held);
    number("row", wish.row);
    number("block-size", wish.geometry.block_size);
    number("slots", wish.geometry.slots);
    number("cells", wish.geometry.cells);
    number("ring", wish.geometry.ring);
    std::optional<std::uint32_t> tier;
    options.add_options()("tier", po::value<std::uint32_t>()->notifier([&](auto slots) { tier = slots; }));
    number("ttl", wish.ttl_ms);
    options.add_options()("group", po::bool_switch(&wish.group));
    options.add_options()("operation", po::value(&wish.operation)->required());
    options.add_options()("disk", po::value(&wish.disks)->required());
    po::positional_options_description places;
    places.add("operation", 1).add("disk", -1);
    try {
        po::variables_map ignored;
        po::store(po::command_line_parser(count, words).options(options).positional(places).run(),
                  ignored);
        po::notify(ignored);
    } catch (const po::error& error) {
        refuse(
            fmt::format("{}; it is: OPERATION [OPTION]... DISK..., see its source", error.what()));
    }
    wish.geometry.tier = tier.value_or(first_tier(wish.geometry.slots));
    return wish;
}

void run(const Wish& wish) {
    constexpr unsigned most_concurrency = 1024;
    if (wish.processes < 1 || wish.processes > most_processes || wish.concurrency < 1 ||
        wish.concurrency > most_concurrency || !(wish.seconds > 0)) {
        refuse(
            fmt::format("there can be 1 to {} processes, 1 to {} operations at a time in each, "
                        "and --seconds must be positive",
                        most_processes, most_concurrency));
    }
    for (const Operation& operation : operations) {
        if (wish.operation == operation.name) return operation.run(wish);
    }
    refuse(fmt::format("there is no operation {}", wish.operation));
}

}  // namespace
}  // namespace diskpaxos::yardstick

int main(int count, char** words) {
    rlimit limit{};
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    diskpaxos::yardstick::run(diskpaxos::yardstick::parsed(count, words));
    return 0;
}
