// What a Register knows, as a digest: all that its next steps depend on, and nothing else.
//
// Complete, because a Register has no other memory: its frames are the one of read, write, recover
// or look with phase or look_around and decide below it (where they stand follows from what is
// being done), and one attend_visit or attend_look for each request in flight, which knows its disk
// and whether its phase is the present one (Request::stale). What no later step reads is left
// out: the tally and the value of a phase that is over, and where each disk stands, since none has a
// ceiling here.
#pragma once

#include "content.hpp"
#include "register/register.hpp"

namespace diskpaxos {

struct RegisterProbe {
    static const std::uint64_t& phase(const Register& reg) { return reg.phase_; }
    static bool idle(const Register& reg) { return reg.doing_ == Register::Doing::nothing; }
    static bool in_phase(const Register& reg) { return reg.doing_ == Register::Doing::phase; }
    static bool waiting(const Register& reg) { return !idle(reg) && !reg.decided_.is_set(); }

    static void add_common(exhaustive::Hasher& hasher, const Register& reg, bool finished) {
        using exhaustive::add;
        hasher.add(static_cast<std::uint64_t>(reg.doing_)).add(reg.own_.seq);
        add(add(add(hasher, reg.own_.promised), reg.own_.accepted), reg.own_.committed);
        add(hasher, reg.own_.value);
        hasher.add((reg.recovered_ ? 1U : 0U) | (reg.usurped_ ? 2U : 0U));
        if (finished) return;
        add(add(hasher, reg.climb_.highest()), reg.committed_);
        if (idle(reg)) return;
        add(add(add(hasher, reg.rank_), reg.value_rank_), reg.others_);
        add(hasher, reg.value_);
        add(hasher, reg.tally_.beaten_by());
    }

    static void add_disk(exhaustive::Hasher& hasher, const Register& reg, std::size_t disk) {
        hasher.add(reg.settled_.contains(disk) ? 1 : 0);
        if (idle(reg)) return;
        hasher.add((reg.tally_.counted().contains(disk) ? 1U : 0U) |
                   (reg.tally_.refused().contains(disk) ? 2U : 0U) |
                   (reg.tally_.failed().contains(disk) ? 4U : 0U) |
                   (reg.looked_.contains(disk) ? 8U : 0U));
        if (!in_phase(reg)) exhaustive::add(hasher, reg.shown_[disk]);
    }
};

}  // namespace diskpaxos
