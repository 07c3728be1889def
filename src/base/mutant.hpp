// Mutants: deliberate errors, one per rule of the protocol, which the checkers must catch. Only
// the test build can switch one on; in every other build mutated() is the constant false and the
// branches vanish. docs/testing.md lists them with the check that caught each.
#pragma once

#include <cstdint>

namespace diskpaxos {

enum class Mutant : std::uint8_t {
    none,
    read_not_gated,          // 2f: the row is read before our write on that disk is durable
    no_read_after_write,     // 2j: the write phase does not look
    block_zeroed,            // 2a: a new rank erases accepted and value
    forget_own_block,        // 2e: a restarted process does not recover its block
    closed_disk_counts,      // 7.1: phase 0 counts a disk where a predecessor's write may land
    recovery_alone,          // 7.1: phase 0 on R0 disks, though they miss a read or write quorum
    unknown_as_initial,      // 2c, 2d: a damaged block counts as an initial one
    no_lane,                 // 2h: a second write to a block while one is in flight
    lane_freed_by_timeout,   // 7.4: a write that timed out or failed gives up its lane
    stale_answer_counted,    // 2i: an answer to an older phase counts for this one
    highest_promised,        // 2l: the value of the highest promise, not of the highest accept
    fast_path_blind,         // 6.3: promises between our rank and the next are ignored
    fast_path_unpromised,    // 6.3: the next rank is used although the write did not promise it
    no_operation_check,      // 4a: a retry does not look whether it was applied
    answer_without_commit,   // 4b: own operation seen in the base, answered without re-committing
    unmet_without_commit,    // 4c: a condition that is not met is answered from the base
    read_highest,            // 4d: a reader returns the highest value of a quorum
    read_single_collect,     // 4.5: one pass over passive blocks
    owner_reads_blindly,     // 4.5: the owner does not look for other promises
    old_block_ignored,       // 7.2: a new incarnation ignores its own older block
    refused_rows_chosen,     // 2.3: blocks of a disk that dropped out are chosen from
    heal_live_slot,          // 7.8: a slot is healed while its user lives
    heal_from_one,           // 7.8: R is one other disk of three
    heal_by_rank,            // 7.8: the block with the largest (promised, accepted), no merge
    heal_without_borrow,     // 7.8: the healed slot is not borrowed
    heal_returned_undrained, // 7.8: the slot is returned while a heal write is in flight
    heal_initial_by_half,    // 7.8: initial because half of the others are
    write_before_recovery,   // 7.8: a user rewrites its block before phase 0 is done
    lease_from_ack,          // 9.2 H2: a lease counts from the end of its renewal
    late_renewal_extends,    // 9.2 H3: a renewal that completes after the lease ended extends it
    observe_from_issue,      // 9.2 M2: T counts from the issue of the look that showed growth
    judge_by_completion,     // 9.2 M3: a look issued before T is over, completed after, convicts
    observe_too_short,       // 9.2 T: the observer waits less than the TTL
    trust_holders_clock,     // 9.2: the observer believes the margin that the holder published
    observe_own_ttl,         // 9.2: the observer uses its own TTL, not the published one
    evict_unconditionally,   // 9.4: the eviction does not compare what was watched
    evict_by_opinion,        // 9.4: the lock is taken without the session being evicted
    unclean_ignored,         // 9.4: a new session of the slot frees its predecessor's locks at once
    token_outside,           // 9.3: the token comes from a counter of the process
    release_unheld,          // 9.4: a release by one who does not hold it is accepted
    twin_unwatched,          // session-T1: a live session of another boot is written over at once
    lock_mode_ignored,       // a shared lock is given beside an exclusive one
    lock_epoch_ignored,      // 9.4: a holder is told by its slot alone
    upgrade_over_readers,    // an upgrade while others share the lock
    step_checks_writes_only, // 3.3: an active disk compares the rank of writes, not of reads
    step_forgets_promise,    // 3.3: it compares with what it accepted, not with what it promised
    step_keeps_promise,      // 3.3: a read does not raise the promise
    step_promise_lowered,    // 6.3: a write sets its own rank as the promise, not the next
    step_equal_round,        // 2.4 F4: another client's rank of the same round is let in
    step_unknown_as_initial, // 2c, 2d: a damaged register is taken for one that nobody wrote
    answer_before_durable,   // 3.3: an agent answers, and loses what it answered when it restarts
    caw_retried_blindly,     // 3.3: after a miscompare the old image is not looked at again
    lost_is_no,              // 3.1: a request without an answer is taken for one not executed
    rank_reused_at_restart,  // 3.3: a client comes back under its name, and counts rounds anew
    register_not_carried,    // 7.1 mixed: phase 0 forgets what an active disk had accepted
    healed_without_leap,     // a damaged register is healed at a rank that it may have promised away
    late_steps_ignored,      // 7.1 mixed: it believes a look at an active disk, without a promise
    look_at_one_active,      // 4.5: a reader believes an active disk without a quorum of its like
    refused_by_one_is_all,   // 3.1: a write that one active disk has refused was accepted nowhere
    ceiling_is_final,        // ceiling-C3: what a ceiling has refused counts as accepted nowhere
    carried_is_only,         // 4.2: refusals of a write that carries an attempt on count for that
    settled_by_any_look,     // 3.1: an attempt is given up for what a look shows, committed or not
    door_unheeded,           // door.hpp: what is behind an open door is not read
    door_opened_late,        // door.hpp: a block behind a door is written before that is open
    door_damage_closed,      // door.hpp: a damaged door counts as a closed one
    lineage_forgotten,       // 4e: an operation that fell out of the lineage counts as not applied
    result_of_another_attempt, // 4.2: the result is that of the last attempt, not of the one applied
    owner_by_top,            // slots-R1: borrowed by the highest turn, without a majority
    collect_before_locks,    // slots-R1: the second collect began before the locks were held
    given_back_and_borrowed, // slots-R1: borrowed by one look at the table
    own_stamp_bars_only,     // slots-R1: a foreign stamp does not bar the borrower
    damage_at_once,          // slots-R3: damage is gone over without having been watched
    outlived_undrained,      // slots-R3: a stamp is gone over after its life, without T_ghost
    life_per_disk,           // slots-R4: the life of an attempt begins anew on each disk
    decided_on_old_reads,    // slots-R5: the reads at the stamps decide
    settle_unreached,        // slots-R5: a settling claim decides without having reached all disks
    won_per_disk,            // slots-R5: each disk is decided for itself
    freed_unanswered,        // slots-R7: C is freed where the owner entry was not written
    stamps_freed,            // slots-R7: C is freed after an end without a conclusion
    release_blind,           // slots-R8: a release writes without tenure, on all disks
    resume_from_table,       // slots-R9: a dead healer's slot is taken over from the table
    copy_held,               // slots-R10: owner entries are copied outside a claim
    forgotten_awake,         // slots-R12: a host that only sleeps is forgotten
    ceiling_of_reads_only,   // ceiling-C1: an agent holds writes to no ceiling
    ceiling_lowered,         // ceiling-C2: repair lowers a promise
    ceiling_jumped,          // ceiling-C3: refused for the ceiling, a client goes higher
    healed_below_ceiling,    // ceiling-C4: the healer renews below what a stranger may reach
    walked_from_the_past,    // ceiling-C5: a disk stands where it has ever stood
    foreseen_is_news,        // ceiling-C5: a refusal that was foreseen cuts a phase short
    walked_to_the_end,       // ceiling-C5: a walk goes on though the silent disk may answer again
    foreign_overwritten,     // retire-F1: a write goes on after the group was seen to be another
    mark_not_looked,         // retire-F2: a format does not look whether its mark still stands
    healed_unasked,          // retire-F3: a healer does not ask again whose disk it is
    doubt_untold,            // doubt-D1: a write that failed leaves no note
    promise_of_another,      // agent-A1: a client writes at the rank that another one was promised
    note_by_begin,           // note-N1: a note keeps the time when its look began
    note_of_any_beat,        // note-N2: another beat keeps the older time
    mended_after_visit,      // mend-M1: what the others had is written over a newer block of ours
    late_disk_counted,       // late-L1: a disk that has come in the middle of a phase counts in it
};

#ifdef DISKPAXOS_MUTANTS
inline Mutant active_mutant = Mutant::none;  // set by a test before it builds its world
inline bool mutated(Mutant mutant) { return active_mutant == mutant; }
#else
constexpr bool mutated(Mutant) { return false; }
#endif

}  // namespace diskpaxos
