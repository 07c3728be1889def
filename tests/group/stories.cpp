#include "group/stories.hpp"

#include <memory>

#include "group/story_words.hpp"

namespace diskpaxos::sim {

namespace {

// Host 1 claims, its entry reaches disk 0 only, and no more of it ever lands.
Actor& claims_on_disk_0_alone(Stage& stage) {
    Actor& joiner = stage.user(1);
    joiner.to(1).script = joiner.to(2).script = owners(Fate::refused);
    stage.until([&] { return shows(stage, 0, 1); });
    return joiner;
}

// S1, the fault that seed 8159 of colonies showed at 385ffbb. Host 1's entry reached one disk of
// three, and it goes on; a mender that does not reach that disk sees a free slot.
void known_fault(Stage& stage) {
    Actor& joiner = claims_on_disk_0_alone(stage);
    stage.pass(seconds(1));
    Actor& mender = stage.mender(0);
    mender.to(0).reach(false);
    stage.until([&] { return mender.over(); });
    for (StagePath* path : joiner.paths) path->reach(true);
    stage.until([&] { return joiner.over(); });
    stage.settle();
}

// S2. As before, but the host is dead, and nobody borrows.
void two_entries_of_one_turn(Stage& stage) {
    stage.kill(claims_on_disk_0_alone(stage));
    Actor& mender = stage.mender(0);
    mender.to(0).reach(false);
    stage.until([&] { return mender.over(); });
    stage.settle();
}

// S3. A mender has seen that 1T is void, and its own entry is on its way; then disk 1 is wiped, and
// for a second healer 1T may have stood on a majority.
void a_copy_makes_an_owner(Stage& stage) {
    stage.kill(claims_on_disk_0_alone(stage));
    Actor& first = stage.mender(0);
    first.to(0).script = stamps(Fate::refused);
    first.to(1).script = first.to(2).script = owners(Fate::held);
    stage.pass(milliseconds(120));  // the second one looks when the first has decided
    Actor& second = stage.mender(2);
    stage.until([&] { return first.to(1).waiting() > 0; }, watch + seconds(1));
    stage.wipe_table(1);
    stage.until([&] { return second.over(); }, seconds(10));
    Actor& user = stage.user(1);
    sits(stage, user, seconds(5));
    first.to(1).land();
    first.to(2).land();
    stage.until([&] { return first.over() && second.over(); });
    stage.settle();
}

// S4. A healer holds the slot on disks 0 and 1. Its release frees disk 0 at once, disk 1 not, and
// on disk 2, if it writes there, it is late.
void a_blind_release(Stage& stage) {
    Actor& healer = stage.mender(0);
    healer.to(1).script = frees(Fate::refused);
    healer.to(2).script = [](const Request& request) {
        if (request.stamp()) return Fate::refused;
        return request.write && request.table ? Fate::late : Fate::done;
    };
    stage.until([&] { return shows(stage, 0, 2); }, watch + seconds(10));
    stage.pass(milliseconds(1));
    stage.kill(healer);
    Actor& joiner = stage.user(1);
    joiner.to(1).reach(false);
    sits(stage, joiner, ghost - seconds(1));
    healer.to(2).land();
    Actor& mender = stage.mender(2);
    mender.to(0).reach(false);
    stage.until([&] { return mender.over(); });
    stage.settle();
}

// S5. A healer dies in the middle of its release: 2f on disk 2, 1B on disks 0 and 1. Its successor
// heals on; meanwhile another host takes what looks free.
void resumed_from_the_table(Stage& stage) {
    stage.wipe_row(1);
    Actor& healer = stage.mender(0);
    healer.to(0).script = healer.to(1).script = frees(Fate::refused);
    stage.until([&] { return shows(stage, 2, 2); }, watch + seconds(10));
    stage.kill(healer);
    stage.wipe_row(1);
    Actor& successor = stage.mender(0);
    successor.to(2).script = [](const Request& request) {
        return request.table ? Fate::refused : Fate::done;
    };
    successor.to(1).script = [](const Request& request) {
        return request.write && !request.table ? Fate::held : Fate::done;
    };
    stage.pass(milliseconds(1));
    Actor& other = stage.mender(2);
    const auto taken = [&](std::size_t disk) {
        const auto entry = stage.owner(disk);
        return entry && entry->held() && entry->host_name == "host 2";
    };
    stage.until([&] { return (taken(0) && taken(1)) || (taken(0) && taken(2)) || other.over(); });
    successor.to(1).land();
    stage.until([&] { return successor.over() && other.over(); });
    stage.settle();
}

// S6. 1T on disk 0, a dead mender's 3B on disk 1. Whoever does not reach disk 1 must not complete
// 1T: those who reach all see 3B on top, alone.
void settled_without_a_disk(Stage& stage) {
    stage.kill(claims_on_disk_0_alone(stage));
    Actor& first = stage.mender(0);
    first.to(0).script = first.to(2).script = owners(Fate::refused);
    stage.until([&] { return shows(stage, 1, 3); });
    stage.kill(first);
    Actor& second = stage.mender(2);
    second.to(1).reach(false);
    stage.until([&] { return second.over(); });
    Actor& user = stage.user(1);
    user.to(1).reach(false);
    sits(stage, user, seconds(5));
    stage.settle();
}

// S7. A mender dies with 1B on disk 1. Its next attempt goes over the old stamp on disk 2, cannot
// reach disk 1, and ends: if it freed its stamps, disk 2 would look untouched.
void stamps_freed(Stage& stage) {
    Actor& first = stage.mender(0);
    first.to(0).reach(false);
    first.to(2).script = owners(Fate::refused);
    stage.until([&] { return shows(stage, 1, 1); });
    stage.kill(first);
    Actor& second = stage.mender(0);
    second.to(1).reach(false);
    stage.until([&] { return second.over(); });
    Actor& joiner = stage.user(1);
    joiner.to(1).reach(false);
    sits(stage, joiner, seconds(5));
    stage.settle();
}

// S8. A claimant holds disks 0 and 1. Disk 0 is wiped, and its entry lands there all the same; that
// on disk 1 is on its way. A mender that has watched an old stamp on disk 2 comes to it.
void damage_gone_over(Stage& stage) {
    stage.plant_stamp(2, 0);
    for (const std::size_t disk : {0U, 1U, 2U}) stage.plant_stamp(disk, 1);  // it must watch, so
    Actor& mender = stage.mender(0);
    stage.pass(watch - seconds(1));
    stage.hold(mender, true);
    stage.pass(seconds(2));
    Actor& joiner = stage.user(1);
    joiner.to(0).script = joiner.to(1).script = owners(Fate::held);
    stage.until([&] { return joiner.to(0).waiting() > 0 && joiner.to(1).waiting() > 0; },
                seconds(5));
    stage.wipe_table(0);
    joiner.to(0).land();
    mender.to(0).script = mender.to(2).script = owners(Fate::held);
    stage.hold(mender, false);
    stage.until([&] { return mender.to(0).waiting() > 0 || mender.over(); }, milliseconds(200));
    joiner.to(1).script = nullptr;
    joiner.to(0).script = nullptr;
    joiner.to(1).land();
    sits(stage, joiner, milliseconds(200));
    mender.to(0).land();
    mender.to(2).land();
    for (StagePath* path : mender.paths) path->reach(true);
    stage.until([&] { return mender.over(); });
    stage.settle();
}

// S9. A mender sleeps between its last look and its writes; another one settles the slot.
void decided_on_old_reads(Stage& stage) {
    stage.kill(claims_on_disk_0_alone(stage));
    Actor& first = stage.mender(0);
    const auto stamped = [&] {
        const auto entry = stage.claim(2);
        return entry && entry->held() && entry->host_name == "host 0";
    };
    stage.until(stamped);
    // It validates 100 ms later, which takes 0.05 ms.
    stage.pass(milliseconds(100) + microseconds(10));
    stage.until([&] { return !first.resident->strand().queue.empty(); }, milliseconds(10));
    stage.hold(first, true);
    Actor& second = stage.mender(2);
    second.to(0).script = frees(Fate::held);
    stage.until([&] { return shows(stage, 0, 3) && shows(stage, 1, 3); });
    stage.hold(first, false);
    stage.pass(milliseconds(50));
    second.to(0).reach(true);
    second.to(0).land();
    stage.until([&] { return first.over() && second.over(); });
    stage.settle();
}

// A stamp is gone over after its writer's life, but the writer's last entry is still on its way.
void gone_over_undrained(Stage& stage) {
    Actor& joiner = stage.user(1);
    joiner.to(0).script = owners(Fate::late);
    joiner.to(1).script = joiner.to(2).script = owners(Fate::refused);
    stage.until([&] { return joiner.to(0).waiting() > 0; });
    stage.kill(joiner);
    Actor& mender = stage.mender(0);
    stage.until([&] { return mender.over() || shows(stage, 1, 1); }, ghost - seconds(1));
    joiner.to(0).land();
    stage.until([&] { return mender.over(); });
    stage.settle();
}

// A claimant stamps disk 0, and comes to disk 2 half a minute later. Who watched the stamp on disk
// 0 out relies on its being over everywhere.
void a_life_on_each_disk(Stage& stage) {
    stage.plant_stamp(1, 0);  // so that a mender must watch
    Actor& joiner = stage.user(1);
    joiner.to(1).reach(false);
    auto reads = std::make_shared<unsigned>(0);
    joiner.to(2).script = [reads](const Request& request) {
        if (request.owner()) return Fate::held;
        const bool second = request.table && !request.write && ++*reads == 2;
        return second ? Fate::held : Fate::done;
    };
    stage.until([&] { return stage.claim(0)->held() && joiner.to(2).waiting() > 0; });
    stage.pass(milliseconds(200));
    Actor& mender = stage.mender(0);
    stage.pass(watch - milliseconds(250));
    joiner.to(2).land();
    stage.until([&] { return joiner.to(2).waiting() > 0; }, milliseconds(300));
    stage.until([&] { return mender.over() || (shows(stage, 0, 1) && shows(stage, 1, 1)); });
    joiner.to(2).land();
    joiner.to(2).script = nullptr;
    stage.until([&] { return mender.over(); });
    stage.settle();
}

// A healer borrows the slot. Its entry is late on disk 2; if the claim block there were free all
// the same, others would come and go before it lands.
void freed_unanswered(Stage& stage) {
    Actor& first = stage.mender(0);
    first.to(2).script = owners(Fate::late);
    stage.until([&] { return shows(stage, 0, 1) && shows(stage, 1, 1); });
    stage.until([&] { return !stage.claim(0)->held() && !stage.claim(1)->held(); }, seconds(1));
    stage.kill(first);
    Actor& second = stage.mender(0);
    stage.until([&] { return second.over(); }, seconds(10));
    Actor& joiner = stage.user(1);
    joiner.to(0).reach(false);
    sits(stage, joiner, seconds(10));
    first.to(2).land();
    joiner.to(0).reach(true);
    stage.until([&] { return second.over(); });
    stage.settle();
}

// Each disk is decided for itself: what was held on disk 0 is given up, since one disk is no
// majority, and on disk 1, where two are, the entry is written.
void decided_disk_by_disk(Stage& stage) {
    Actor& joiner = stage.user(1);
    joiner.to(0).script = owners(Fate::refused);
    joiner.to(2).script = stamps(Fate::refused);
    stage.until([&] { return shows(stage, 1, 1); });
    stage.pass(milliseconds(1));
    stage.kill(joiner);
    Actor& other = stage.user(2);
    other.to(1).reach(false);
    sits(stage, other, seconds(5));
    stage.settle();
}

}  // namespace

const std::vector<Story>& stories() {
    static const std::vector<Story> all{
        {"S1", Mutant::owner_by_top, known_fault},
        {"S2", Mutant::settle_unreached, two_entries_of_one_turn},
        {"S3", Mutant::copy_held, a_copy_makes_an_owner},
        {"S4", Mutant::release_blind, a_blind_release},
        {"S5", Mutant::resume_from_table, resumed_from_the_table},
        {"S6", Mutant::settle_unreached, settled_without_a_disk},
        {"S7", Mutant::stamps_freed, stamps_freed},
        {"S8", Mutant::damage_at_once, damage_gone_over, 2},
        {"S9", Mutant::decided_on_old_reads, decided_on_old_reads},
        {"Undrained", Mutant::outlived_undrained, gone_over_undrained},
        {"LifePerDisk", Mutant::life_per_disk, a_life_on_each_disk},
        {"FreedUnanswered", Mutant::freed_unanswered, freed_unanswered},
        {"OneLook", Mutant::given_back_and_borrowed, borrowed_by_one_look, 1, 1},
        {"BeforeLocks", Mutant::collect_before_locks, borrowed_before_the_locks, 1, 1},
        {"HalfGivenBack", Mutant::own_stamp_bars_only, half_given_back, 1, 1},
        {"CopyAfterGiveBack", Mutant::copy_held, copied_after_giving_back, 1, 1},
        {"WonPerDisk", Mutant::won_per_disk, decided_disk_by_disk},
        {"Forgotten", Mutant::forgotten_awake, a_host_is_forgotten, 1, 1},
    };
    return all;
}

std::string wrong_end(const Stage& stage) {
    for (const Stage::Finding& finding : stage.findings()) {
        const bool symptom = finding.fault == SlotFault::tenure || finding.fault == SlotFault::turn;
        if (!symptom) return finding.sentence;
    }
    return "";
}

}  // namespace diskpaxos::sim
