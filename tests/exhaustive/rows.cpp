#include "rows.hpp"

#include <algorithm>
#include <functional>
#include <vector>

namespace diskpaxos::exhaustive {

namespace {

using Change = std::function<void(Cluster&)>;

Cluster proposers(unsigned attempts, const Change& change = {}) {
    Cluster cluster;
    cluster.roles = {{0, {Act::propose}, 0}, {1, {Act::propose}, 0}};
    cluster.attempts = attempts;
    if (change) change(cluster);
    return cluster;
}

Change mutant(Mutant which) {
    return [which](Cluster& c) { c.mutant = which; };
}

Change flexible(std::size_t disks, std::size_t read, std::size_t write, std::size_t recover) {
    return [=](Cluster& c) {
        c.disks = disks;
        c.read = read, c.write = write, c.recover = recover;
    };
}

Change barrier(std::size_t w1, std::size_t r1, std::size_t w2, std::size_t r2, bool held = true) {
    return [=](Cluster& c) {
        c.read = r1, c.write = r2;
        c.barrier = {.used = true, .held = held, .written_1 = w1, .written_2 = w2};
    };
}

Change fault(Fault which) {
    return [which](Cluster& c) { c.fault = which; };
}

Change crash(unsigned crashes, Afterlife afterlife = Afterlife::vanish) {
    return [=](Cluster& c) {
        c.crashes = crashes;
        c.afterlife = afterlife;
    };
}

Change fresh_place() {
    return [](Cluster& c) {
        c.fresh_place = true;
        c.ring = 2;
    };
}

Change runs_again() {
    return [](Cluster& c) {
        for (Role& role : c.roles) role.acts = {Act::propose_on};
    };
}

Change operator+(const Change& first, const Change& then) {
    return [=](Cluster& c) {
        first(c);
        then(c);
    };
}

Cluster cells(std::vector<std::vector<Act>> acts, unsigned phases, const Change& change = {}) {
    Cluster cluster;
    cluster.slots = static_cast<std::uint32_t>(acts.size());
    for (std::uint16_t slot = 0; slot < acts.size(); ++slot) {
        cluster.roles.push_back({slot, acts[slot], 0});
    }
    cluster.phases = phases;
    if (change) change(cluster);
    return cluster;
}

std::vector<Row> consensus_rows() {
    const Change one_crash = crash(1);
    const Change ghosts = crash(1, Afterlife::haunt);
    const Change whole = [](Cluster& c) { c.whole_recovery = true; };
    const Change same_ranks = [](Cluster& c) { c.same_ranks = true; };
    const Change first_mortal = [](Cluster& c) { c.mortals = 1; };
    const Change other_once = [](Cluster& c) { c.roles[1].attempts = 1; };
    const Change both_of_two = flexible(2, 2, 2, 2);
    const Change three = [](Cluster& c) {
        c.slots = 3;
        c.roles.push_back({2, {Act::propose}, 0});
    };
    return {
        {"dp", "each disk's read after its own write", true, proposers(2),
         "OK 945,625 (3 ballots)"},
        {"dp-3-ranks", "the same, three ranks each", true, proposers(3), "OK 945,625", true},
        {"dp-3-processes", "the same, three processes", true, proposers(1, three), "OK 10,762,589",
         true},
        {"dp-crash", "phase 0 on a majority", true, proposers(1, one_crash),
         "OK 1,430,642 (2 ballots)"},
        {"dp-crash-2-ranks", "phase 0 on a majority", true, proposers(2, one_crash), "OK 1,430,642",
         true},
        {"dp-2-crashes", "phase 0 on a majority", true, proposers(1, crash(2)),
         "OK 2,136,968 (2 ballots)", true},
        {"read-not-gated", "2f: a disk is read after our write on it is durable", false,
         proposers(1, mutant(Mutant::read_not_gated)), "VIOLATION 20"},
        {"split-quorums", "2g: written and read must be the same disks, or all written first",
         false, proposers(1, barrier(2, 2, 2, 2, false)), "VIOLATION 20"},
        {"no-read-after-write", "2j: the write phase looks too", false,
         proposers(2, mutant(Mutant::no_read_after_write)), "VIOLATION 16"},
        {"flexible-3-1", "8.1: Q1=3, Q2=1 meet", true, proposers(2, flexible(3, 3, 1, 3)), "OK"},
        {"flexible-3-1-crash", "7.1: R0=3 meets both", true,
         proposers(1, flexible(3, 3, 1, 3) + one_crash), "OK"},
        {"flexible-3-1-recover-2", "7.1: R0=2 misses a Q2 of one disk", false,
         proposers(2, flexible(3, 3, 1, 2) + one_crash + first_mortal + whole +
                          mutant(Mutant::recovery_alone)),
         "VIOLATION 24"},
        {"flexible-2-1", "2.4 F3: Q1=2, Q2=1 need not meet", false,
         proposers(1, flexible(3, 2, 1, 3)), "VIOLATION 16"},
        {"barrier", "6.2: all written first, then read anywhere", true,
         proposers(1, barrier(2, 2, 2, 2)), "OK 1,803,505 (1 crash)"},
        {"barrier-crash", "the same, one crash", true,
         proposers(1, barrier(2, 2, 2, 2) + one_crash), "OK 1,803,505", true},
        {"barrier-2-3-1-2", "6.2: W1 meets R2, W2 meets R1", true,
         proposers(1, barrier(2, 3, 1, 2)), "-"},
        {"barrier-2-2-1-3", "6.2: W2=1 misses R1=2, by its own rule", false,
         proposers(1, barrier(2, 2, 1, 3)), "OK (an error there)"},
        {"barrier-3-3-1-1", "6.2", true, proposers(1, barrier(3, 3, 1, 1)), "OK"},
        {"barrier-3-1-3-1", "6.2", true, proposers(1, barrier(3, 1, 3, 1)), "OK"},
        {"barrier-2-2-1-2", "6.2: W2=1 misses R1=2", false, proposers(1, barrier(2, 2, 1, 2)),
         "VIOLATION 18"},
        {"barrier-1-2-2-2", "6.2: W1=1 misses R2=2", false, proposers(1, barrier(1, 2, 2, 2)),
         "VIOLATION 18"},
        {"zeroed-once", "2a: a new rank erases; a decider never runs again", true,
         proposers(2, mutant(Mutant::block_zeroed)), "OK"},
        {"zeroed", "2a: a new rank keeps what was accepted", false,
         proposers(2, mutant(Mutant::block_zeroed) + runs_again()), "VIOLATION 23"},
        {"forget-own-block", "2e: a restarted process recovers its block", false,
         proposers(1, mutant(Mutant::forget_own_block) + one_crash), "VIOLATION 21"},
        {"recover-on-one", "2e, 7.1: phase 0 on a majority", false,
         proposers(2, flexible(3, 2, 2, 1) + one_crash + first_mortal + whole +
                          mutant(Mutant::recovery_alone)),
         "VIOLATION 23"},
        {"unreadable", "1: what cannot be read is unknown, and its disk does not count", true,
         proposers(1, fault(Fault::unreadable)), "OK"},
        {"unreadable-as-initial", "2c, 2d: unknown is never initial", false,
         proposers(1, fault(Fault::unreadable) + mutant(Mutant::unknown_as_initial)),
         "VIOLATION 21"},
        {"blank", "7.7: one disk silently blank", false, proposers(1, fault(Fault::blank)),
         "VIOLATION 21"},
        {"rolled-back", "7.7: one disk silently rolled back", false,
         proposers(1, fault(Fault::rollback)), "VIOLATION 22"},
        {"blank-of-4", "8.3: quorums of 3 of 4 mask it", true,
         proposers(1, flexible(4, 3, 3, 3) + fault(Fault::blank)), "OK"},
        {"rolled-back-of-4", "8.3: quorums of 3 of 4 mask it", true,
         proposers(1, flexible(4, 3, 3, 3) + fault(Fault::rollback)), "OK", true},
        {"torn", "7.6: a torn block is unknown", true, proposers(1, crash(1, Afterlife::torn)),
         "OK 8.0M"},
        {"torn-as-initial", "7.6: a torn block is not initial", false,
         proposers(2, crash(1, Afterlife::torn) + runs_again() + first_mortal + other_once +
                          mutant(Mutant::unknown_as_initial)),
         "VIOLATION 33"},
        {"no-lane", "2h: one write to a block at a time", false,
         proposers(2, both_of_two + other_once + mutant(Mutant::no_lane)), "VIOLATION 30"},
        {"ghost-same-block", "7.5: a late write lands in a block that is used again", false,
         proposers(2, flexible(2, 2, 2, 2) + ghosts), "VIOLATION 36"},
        {"ghost-fresh-block", "7.2: a new incarnation writes a fresh block", true,
         proposers(1, both_of_two + ghosts + fresh_place() + whole + first_mortal),
         "OK 21.6M (3 disks)"},
        {"ghost-fresh-block-3", "the same on three disks", true,
         proposers(1, ghosts + fresh_place() + whole + first_mortal), "OK 21.6M", true},
        {"old-block-ignored", "7.2: its own old block counts too", false,
         proposers(1, both_of_two + one_crash + fresh_place() + whole + first_mortal +
                          mutant(Mutant::old_block_ignored)),
         "VIOLATION 29"},
        {"error-then-lands", "7.4: a write that failed may still land: its disk is left alone",
         true, proposers(2, other_once + fault(Fault::error)), "-"},
        {"lane-freed", "7.4: a write that timed out or failed keeps its lane", false,
         proposers(2, other_once + fault(Fault::error) + mutant(Mutant::lane_freed_by_timeout)),
         "-"},
        {"highest-promised", "2l: the value of the highest accepted rank", false,
         proposers(2, mutant(Mutant::highest_promised)), "-"},
        {"rank-reused", "F4: a rank is used for one value", false,
         proposers(1, both_of_two + ghosts + fresh_place() + whole + first_mortal + same_ranks),
         "-"},
        {"stale-answer", "2i: an answer counts for its own phase only", false,
         proposers(2, mutant(Mutant::stale_answer_counted)), "-"},
        {"refused-rows", "2.3: a disk that dropped out offers a value too", true,
         proposers(2, mutant(Mutant::refused_rows_chosen)), "-", true},
    };
}

Change reader() {  // who has no slot, and only looks
    return [](Cluster& c) { c.roles.push_back({no_slot, {Act::learn}, 0}); };
}

// Readers are searched beside bare proposals: a cell's write promises the next rank along with
// its value, and that second line of defence would hide most of what a reader can get wrong.
std::vector<Row> reader_rows() {
    const Change both_of_two = flexible(2, 2, 2, 2);
    return {
        {"learn", "4.5: double collect, commit mark", true, proposers(1, both_of_two + reader()),
         "OK 4.0M, 14.5M"},
        {"learn-3", "the same on three disks", true, proposers(1, reader()), "OK 4.0M, 14.5M",
         true},
        {"read-highest", "4d: a reader confirms", false,
         proposers(1, both_of_two + reader() + mutant(Mutant::read_highest)), "VIOLATION 24"},
        {"read-single-collect", "4.5: one pass over passive blocks", false,
         proposers(1, both_of_two + reader() + mutant(Mutant::read_single_collect)),
         "VIOLATION 25"},
    };
}

std::vector<Row> cell_rows() {
    constexpr Act inc = Act::increment, get = Act::get, first = Act::raise_first;
    const Change expiry = [](Cluster& c) { c.expiries = 1; };
    const Change both_of_two = flexible(2, 2, 2, 2);
    return {
        {"cell", "two changes", true, cells({{inc}, {inc}}, 3, both_of_two), "OK 240k"},
        {"cell-longer", "two changes, four phases each", true,
         cells({{inc}, {inc}}, 4, both_of_two), "OK 240k", true},
        {"cell-3", "the same on three disks", true, cells({{inc}, {inc}}, 4), "OK 240k", true},
        {"cell-fast-path", "6.3: the write promises the next rank", true,
         cells({{inc, inc}, {inc}}, 3, both_of_two), "OK 212k"},
        {"cell-fast-path-3", "the same on three disks", true, cells({{inc, inc}, {inc}}, 3),
         "OK 212k", true},
        {"cell-get", "4.5: double collect, else a change", true,
         cells({{inc}, {get, get}}, 3, both_of_two), "OK"},
        {"cell-owner-get", "4.5: the owner reads in one pass", true,
         cells({{inc, get}, {inc}}, 3, both_of_two), "OK 386k"},
        {"cell-deadline", "4.2: what is not known is settled later", true,
         cells({{inc, inc}, {inc}}, 3, both_of_two + expiry), "-"},
        {"no-operation-check", "4a: a retry looks whether it was applied", false,
         cells({{inc}, {inc}}, 4, both_of_two + mutant(Mutant::no_operation_check)),
         "VIOLATION 17"},
        {"cell-zeroed", "2a: a new rank keeps what was accepted", false,
         cells({{inc, inc}, {inc}}, 5, both_of_two + mutant(Mutant::block_zeroed)), "VIOLATION 22",
         true},
        {"fast-path-blind", "6.3: promises between ours and the next count", false,
         cells({{inc, inc}, {inc}}, 3, mutant(Mutant::fast_path_blind)), "VIOLATION 22"},
        {"fast-path-unpromised", "6.3: the write promises the next rank", false,
         cells({{inc, inc}, {inc}}, 3, mutant(Mutant::fast_path_unpromised)), "-"},
        {"answer-without-commit", "4b: an operation found applied is committed again", false,
         cells({{inc}, {inc}}, 4, both_of_two + mutant(Mutant::answer_without_commit)),
         "VIOLATION 17"},
        {"unmet-without-commit", "4c: a no is committed too", false,
         cells({{inc}, {first, first}}, 4, both_of_two + mutant(Mutant::unmet_without_commit)),
         "VIOLATION 13"},
        {"owner-reads-blindly", "4.5: the owner looks for other promises", false,
         cells({{inc, get}, {inc}}, 4, both_of_two + mutant(Mutant::owner_reads_blindly)),
         "VIOLATION 26"},
    };
}

Change active_disks(std::size_t active, std::size_t disks = 3) {
    return [=](Cluster& c) {
        c.disks = disks;
        c.active = active;
    };
}

// Nobody has a slot where all disks are active: the number of a role is only its name.
std::vector<Row> active_rows() {
    constexpr Act inc = Act::increment, get = Act::get;
    const Change all = active_disks(3);
    const Change one_crash = crash(1);
    const Change first_mortal = [](Cluster& c) { c.mortals = 1; };
    const Change repeats = [](Cluster& c) { c.repeats = 1; };
    const Change expiry = [](Cluster& c) { c.expiries = 1; };
    const Change same_ranks = [](Cluster& c) { c.same_ranks = true; };
    const Change three = [](Cluster& c) {
        c.slots = 3;
        c.roles.push_back({2, {Act::propose}, 0});
    };
    return {
        {"active", "3.3: steps on three disks", true, proposers(2, all), "OK"},
        {"active-repeat", "3.3: a step is taken twice, at any time", true,
         proposers(1, all + repeats), "OK"},
        {"active-repeat-2", "the same, two ranks each", true, proposers(2, all + repeats), "OK",
         true},
        {"active-crash", "3.3: steps of the dead are taken late", true,
         proposers(1, all + one_crash), "OK"},
        {"active-crash-2", "the same, two ranks each", true, proposers(2, all + one_crash), "OK",
         true},
        {"active-3-processes", "3.3: three processes", true, proposers(1, all + three), "OK"},
        {"active-learn", "4.5: a quorum agrees", true, proposers(1, all + reader()),
         "OK 60M (bounded)"},
        {"active-learn-crash", "4.5: the same, and steps of the dead", true,
         proposers(1, all + reader() + one_crash + first_mortal), "-"},
        {"active-cell", "6.3: a write promises the next rank", true,
         cells({{inc, inc}, {inc}}, 3, all), "OK"},
        {"active-cell-get", "4.5: a quorum agrees, else a change", true,
         cells({{inc}, {get, get}}, 3, all), "OK"},
        {"active-cell-deadline", "4.2: what is not known is settled later", true,
         cells({{inc, inc}, {inc}}, 3, all + expiry), "-"},
        {"step-forgets-promise", "3.3: ranks are compared with the promise", false,
         proposers(2, all + mutant(Mutant::step_forgets_promise)), "VIOLATION 14"},
        {"step-keeps-promise", "3.3: a read raises the promise", false,
         proposers(2, all + mutant(Mutant::step_keeps_promise)), "VIOLATION 19"},
        {"step-promise-lowered", "6.3: a write promises the next rank", false,
         cells({{inc, inc}, {inc}}, 3, all + mutant(Mutant::step_promise_lowered)), "VIOLATION 17"},
        {"step-equal-round", "2.4 F4: ranks of one round are not equal", false,
         proposers(2, all + mutant(Mutant::step_equal_round)), "-"},
        {"step-unknown-as-initial", "2c, 2d: unknown is never initial", false,
         proposers(1, all + fault(Fault::unreadable) + mutant(Mutant::step_unknown_as_initial)),
         "-"},
        {"step-checks-writes-only", "3.3: a read is compared too; harmless by itself", true,
         proposers(2, all + mutant(Mutant::step_checks_writes_only)), "-"},
        {"active-forgets", "3.3: what was answered is durable", false,
         proposers(1, all + fault(Fault::rollback)), "-"},
        {"look-at-one-active", "4.5: a quorum agrees", false,
         proposers(1, all + reader() + mutant(Mutant::look_at_one_active)), "VIOLATION 13"},
        {"lost-is-no", "3.1: no answer is not a no", false,
         cells({{inc, inc}, {inc}}, 3, all + expiry + mutant(Mutant::lost_is_no)), "-"},
        {"active-rank-reused", "2.4 F4: a rank is used for one value", false,
         proposers(1, all + one_crash + first_mortal + same_ranks), "-"},
    };
}

// One active disk and two passive ones, or the other way round.
std::vector<Row> mixed_rows() {
    constexpr Act inc = Act::increment, get = Act::get;
    const Change one_of_two = flexible(2, 2, 2, 2) + active_disks(1, 2);
    const Change one_crash = crash(1);
    const Change first_mortal = [](Cluster& c) { c.mortals = 1; };
    const Change other_once = [](Cluster& c) { c.roles[1].attempts = 1; };
    const Change nobody_else = [](Cluster& c) { c.roles.erase(c.roles.begin() + 1); };
    const Change dies_and_is_read = reader() + nobody_else + one_crash + first_mortal;
    return {
        {"mixed-1-2", "each disk by its own rule", true, proposers(2, active_disks(1) + other_once),
         "-"},
        {"mixed-2-1", "each disk by its own rule", true, proposers(2, active_disks(2) + other_once),
         "-"},
        {"mixed-1-2-both", "the same, two ranks each", true, proposers(2, active_disks(1)), "-",
         true},
        {"mixed-2-1-both", "the same, two ranks each", true, proposers(2, active_disks(2)), "-",
         true},
        {"mixed-1-2-crash", "7.1: phase 0 of a mixed group", true,
         proposers(1, active_disks(1) + one_crash), "-"},
        {"mixed-2-1-crash", "7.1: phase 0 of a mixed group", true,
         proposers(1, active_disks(2) + one_crash), "-"},
        {"mixed-1-2-learn", "4.5: each disk by its own rule", true,
         proposers(1, active_disks(1) + reader()), "-", true},
        {"mixed-2-1-learn", "4.5: each disk by its own rule", true,
         proposers(1, active_disks(2) + reader()), "-"},
        {"mixed-1-2-learn-crash", "7.1, 4.5: late steps, and one who only looks", true,
         proposers(1, active_disks(1) + dies_and_is_read), "-"},
        {"mixed-2-1-learn-crash", "7.1, 4.5: late steps, and one who only looks", true,
         proposers(1, active_disks(2) + dies_and_is_read), "-"},
        {"mixed-1-2-learn-crash-2", "the same, two ranks", true,
         proposers(2, active_disks(1) + dies_and_is_read), "-"},
        {"mixed-1-1-cell", "6.3: two disks, one active", true,
         cells({{inc, inc}, {inc}}, 3, one_of_two), "-"},
        {"mixed-1-1-cell-get", "4.5: two disks, one active", true,
         cells({{inc}, {get, get}}, 3, one_of_two), "-"},
        {"mixed-1-1-cell-crash", "4.1: done of a slot, over a restart", true,
         cells({{inc}, {inc}}, 3, one_of_two + one_crash + first_mortal), "-"},
        {"late-steps-ignored", "7.1: an active disk counts in phase 0 by a promise, not by a look",
         false,
         proposers(1, active_disks(1) + dies_and_is_read + mutant(Mutant::late_steps_ignored)),
         "-"},
    };
}

// Small enough to be searched even with sanitizers.
constexpr std::string_view small[] = {
    "read-not-gated",  "no-read-after-write", "flexible-3-1-crash", "flexible-2-1",
    "barrier-2-2-1-2", "barrier-1-2-2-2",     "unreadable",         "unreadable-as-initial",
    "blank",           "rolled-back",         "fast-path-blind",    "stale-answer",
    "active-crash",    "active-learn",        "step-keeps-promise", "late-steps-ignored"};

std::vector<Row> make_rows() {
    std::vector<Row> all = consensus_rows();
    for (const std::vector<Row>& more : {reader_rows(), cell_rows(), active_rows(), mixed_rows()}) {
        all.insert(all.end(), more.begin(), more.end());
    }
    for (Row& row : all) row.slow_sanitized = std::ranges::find(small, row.name) == std::end(small);
    return all;
}

}  // namespace

std::span<const Row> rows() {
    static const std::vector<Row> all = make_rows();
    return all;
}

const Row* find_row(std::string_view name) {
    const auto found = std::ranges::find(rows(), name, &Row::name);
    return found == rows().end() ? nullptr : &*found;
}

}  // namespace diskpaxos::exhaustive
