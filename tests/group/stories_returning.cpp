// Stories of slots that go back: given back by their host, or taken from one that is off.
#include <memory>

#include "group/story_words.hpp"

namespace diskpaxos::sim {

namespace {

// A host gives the slot back while a process of it looks: it has seen the slot taken, once; and
// another host takes it.
void given_back_under_a_look(Stage& stage, unsigned look) {
    Actor& user = stage.user(0);
    auto reads = std::make_shared<unsigned>(0);
    user.to(2).script = [reads, look](const Request& request) {
        const bool slow = request.table && !request.write && ++*reads == look;
        return slow ? Fate::held : Fate::done;  // for 250 ms: then the other two disks are enough
    };
    stage.until([&] { return user.to(2).waiting() > 0; });
    stage.giver(0);
    stage.until([&] { return shows(stage, 0, 2) && shows(stage, 1, 2); }, milliseconds(120));
    stage.pass(milliseconds(1));
    Actor& joiner = stage.user(1);
    sits(stage, joiner, milliseconds(120));
    stage.pass(milliseconds(300));
    stage.settle();
}

// What a healer copies of host 0 to a damaged disk is late; the same is done on another disk. Then
// host 0 gives the slot back, and host 1 takes it, before the copies land.
Actor& copies_late(Stage& stage, std::size_t disk) {
    stage.wipe_table(disk);
    Actor& copier = stage.mender(2);
    copier.to(disk).script = owners(Fate::late);
    stage.until([&] { return copier.to(disk).waiting() > 0; }, milliseconds(50));
    stage.kill(copier);
    return copier;
}

}  // namespace

void borrowed_by_one_look(Stage& stage) {
    given_back_under_a_look(stage, 1);
}
void borrowed_before_the_locks(Stage& stage) {
    given_back_under_a_look(stage, 2);
}

// A host dies in the middle of giving back: free on disk 0 alone. A mender is about to settle it,
// and has covered the host's stamps with its own.
void half_given_back(Stage& stage) {
    Actor& giver = stage.giver(0);
    giver.to(1).script = giver.to(2).script = owners(Fate::refused);
    stage.until([&] { return shows(stage, 0, 2); });
    stage.kill(giver);
    Actor& mender = stage.mender(2);
    for (StagePath* path : mender.paths) path->script = owners(Fate::held);
    stage.until([&] { return mender.to(0).waiting() > 0 && mender.to(1).waiting() > 0; },
                watch + seconds(5));
    Actor& user = stage.user(0);
    user.to(0).reach(false);
    sits(stage, user, milliseconds(200));
    for (StagePath* path : mender.paths) {
        path->script = nullptr;
        path->land();
    }
    stage.until([&] { return mender.over(); });
    stage.settle();
}

void copied_after_giving_back(Stage& stage) {
    Actor& first = copies_late(stage, 0);
    Actor& healer = stage.mender(2);
    const bool whole = stage.until([&] { return shows(stage, 0, 1); }, milliseconds(50));
    stage.kill(healer);
    Actor* second = whole ? &copies_late(stage, 1) : nullptr;  // one disk at a time is damaged
    Actor& giver = stage.giver(0);
    stage.until([&] { return giver.over(); }, seconds(5));
    Actor& heir = stage.user(1);
    sits(stage, heir, seconds(5));
    first.to(0).land();
    if (second != nullptr) second->to(1).land();
    Actor& user = stage.user(0);
    user.to(2).reach(false);
    sits(stage, user, seconds(5));
    stage.settle();
}

// R12: a person says that a host is off a little before it is. What it still does is over when the
// wait is.
void a_host_is_forgotten(Stage& stage) {
    Actor& user = stage.user(0);
    sits(stage, user, seconds(5));
    Actor& forgetter = stage.forgetter(1, 0);
    stage.until([&] { return forgetter.over(); }, seconds(5));  // less than T_ghost: it still waits
    stage.kill(user);
    stage.until([&] { return forgetter.over(); });
    Actor& heir = stage.user(2);
    sits(stage, heir, seconds(5));
    stage.settle();
}

}  // namespace diskpaxos::sim
