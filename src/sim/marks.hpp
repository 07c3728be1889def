// Marks: interesting things that a corpus of seeds must have come across. A simulator that never
// sees a write refused proves little about refused writes.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace diskpaxos::sim {

enum class Mark : std::uint8_t {
    read_refused,
    write_refused,
    too_few_disks,
    carried_by_others,   // a disk dropped out, the others carried the phase
    backed_off,
    rolled_back_noticed,
    write_failed,
    damage_met,
    read_one_pass,       // a read that wrote nothing and looked once: by the commit mark
    read_two_passes,
    read_by_identity,    // a read that had to write
    unmet_committed,     // a condition not met, told after a commit
    applied_by_another,  // a change found in the base on a later attempt, and not which attempt it was
    followed,            // a change that was taken up and followed by others: its own result is told
    undecided,
    resolved_yes,
    resolved_no,
    still_unsettled,
    crashed,
    crashed_in_operation,
    restarted_in_place,  // the same block, its last user's writes drained
    restarted_elsewhere,
    late_write,          // of a dead process, after its host had started anew
    late_write_of_living,// after its error had been told
    paused,
    stopped_as_usurped,  // somebody else's block stood in its place
    disk_silent,
    disk_gone,
    wiped,
    rolled_back,
    blanked,
    exchanged,
    agent_restarted,
    state_lost,          // of an agent: executed, never told, and gone with its restart
    connection_cut,
    step_late,           // executed after its sender had given it up
    step_repeated,
    miscompared,         // COMPARE AND WRITE met another
    cannot_tell,         // a change that has left the lineage
    visitor_left,
    restored,            // a damaged register
    agent_stopped,       // and went on; only wards and colonies have it
    count,
};

inline constexpr std::array<std::string_view, static_cast<std::size_t>(Mark::count)> mark_names{
    "read refused",        "write refused",         "too few disks",
    "carried by others",   "backed off",            "roll-back noticed",
    "write failed",        "damage met",            "read in one pass",
    "read in two passes",  "read by identity",      "unmet, committed",
    "applied by another",  "followed",              "undecided",
    "resolved: yes",
    "resolved: no",        "still unsettled",       "crashed",
    "crashed in operation","restarted in place",    "restarted elsewhere",
    "late write of dead",  "late write of living",  "paused",
    "stopped as usurped",  "disk silent",           "disk gone",
    "wiped",               "rolled back",           "blanked",
    "exchanged",           "agent restarted",       "state lost",
    "connection cut",      "late step",             "repeated step",
    "miscompared",         "cannot tell",           "visitor left",
    "restored",            "agent stopped"};

class Marks {
  public:
    void count(Mark mark) { ++counts_[static_cast<std::size_t>(mark)]; }
    std::uint64_t operator[](Mark mark) const { return counts_[static_cast<std::size_t>(mark)]; }
    void add(const Marks& other) {
        for (std::size_t i = 0; i < counts_.size(); ++i) counts_[i] += other.counts_[i];
    }

  private:
    std::array<std::uint64_t, mark_names.size()> counts_{};
};

}  // namespace diskpaxos::sim
