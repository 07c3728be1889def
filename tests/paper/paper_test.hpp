// What the tests of rules have in common: three disks, a process p under test, and others (q, r)
// whose blocks are put on the disks by hand, so that every state of the disks can be had.
#pragma once

#include <gtest/gtest.h>

#include "unit/testbed/testbed.hpp"

namespace diskpaxos {

class PaperTest : public testing::Test {
  protected:
    static constexpr std::uint16_t p = 0, q = 1, r = 2;

    explicit PaperTest(DiskSet active = {}) : bed(3, Testbed::small, active) {}

    Testbed bed;

    static Rank rank(std::uint64_t round, std::uint16_t slot) { return {round, Proposer::of(slot, 1)}; }

    // Slot `slot` stands on `disk` with this promise, and with this value under `accepted`.
    void stands(std::size_t disk, std::uint16_t slot, Rank promised, Rank accepted = {},
                std::string_view value = {}, Rank committed = {}) {
        bed.put(disk, bed.place(slot),
                {.incarnation = promised.proposer,
                 .seq = ++seq_,
                 .promised = promised,
                 .accepted = accepted,
                 .committed = committed,
                 .value = as_bytes(value)});
    }
    void stands_everywhere(std::uint16_t slot, Rank promised, Rank accepted = {},
                           std::string_view value = {}) {
        for (std::size_t disk = 0; disk < bed.size(); ++disk) {
            stands(disk, slot, promised, accepted, value);
        }
    }

    Block block(std::size_t disk, std::uint16_t slot) { return bed.block(disk, bed.place(slot)).block; }

    ReadOutcome read(Register& reg, Rank rank) { return bed.run(reg.read(rank, bed.soon())); }
    WriteOutcome write(Register& reg, Rank rank, std::string_view value, Rank next = {}) {
        return bed.run(
            reg.write(rank, as_bytes(value), next.none() ? rank : next, bed.soon()));
    }
    // What read(rank) found: the value, or "refused", "unavailable", "usurped".
    std::string found(Register& reg, Rank rank) {
        const ReadOutcome outcome = read(reg, rank);
        if (std::holds_alternative<Found>(outcome)) return std::string(as_text(reg.value()));
        return name(outcome.index() - 1);
    }
    std::string wrote(Register& reg, Rank rank, std::string_view value, Rank next = {}) {
        const WriteOutcome outcome = write(reg, rank, value, next);
        return outcome.index() == 0 ? "written" : name(outcome.index() - 1);
    }
    // What a look without a write gives: the value, or "open", or "unavailable".
    std::string looked(Register& reg) {
        const LookOutcome outcome = bed.run(reg.look(bed.soon()));
        if (std::holds_alternative<Unavailable>(outcome)) return "unavailable";
        if (std::get<Certainty>(outcome) == Certainty::open) return "open";
        return std::string(as_text(reg.value()));
    }

  private:
    static std::string name(std::size_t alternative) {
        constexpr const char* names[] = {"refused", "unavailable", "usurped"};
        return names[alternative];
    }
    std::uint64_t seq_ = 100;
};

}  // namespace diskpaxos
