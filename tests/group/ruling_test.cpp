// What a claim may write, by its table (docs/slots.md, R5), for 1, 3 and 5 disks.
#include <gtest/gtest.h>

#include "group/ruling.hpp"

namespace diskpaxos {
namespace {

using Kind = Ruling::Kind;

Uuid host(char name) {
    Uuid id{};
    id[0] = static_cast<std::byte>(name);
    return id;
}

SlotEntry entry(SlotState state, std::uint64_t turn, char of, std::uint64_t stamp) {
    SlotEntry made;
    made.state = state;
    made.turn = turn;
    made.stamp = stamp;
    made.host = host(of);
    return made;
}

// One disk in two characters: what it shows, and whether we hold it ('+') or not ('-').
//   f free(4)   F free(5+1), ours, given back under our stamp   t taken by us   b borrowed by us
//   o taken by another (5)   p borrowed by another (5)   q taken by another, turn 5 as well
//   n taken by another (7)   # damaged   ? unreached
Showing showing(char what, char held) {
    Showing disk;
    disk.owner = Showing::Owner::sound;
    disk.tenure = disk.counts = held == '+';
    switch (what) {
        case 'f': disk.entry = entry(SlotState::free, 4, 'x', 1); break;
        case 'F': disk.entry = entry(SlotState::free, 6, 'm', 9); break;
        case 't': disk.entry = entry(SlotState::taken, 5, 'm', 8); break;
        case 'b': disk.entry = entry(SlotState::borrowed, 5, 'm', 9); break;
        case 'o': disk.entry = entry(SlotState::taken, 5, 'o', 2); break;
        case 'p': disk.entry = entry(SlotState::borrowed, 5, 'o', 3); break;
        case 'q': disk.entry = entry(SlotState::taken, 5, 'q', 4); break;
        case 'n': disk.entry = entry(SlotState::taken, 7, 'o', 5); break;
        case '#': disk.owner = Showing::Owner::damaged; break;
        default: disk.owner = Showing::Owner::unreached;
    }
    return disk;
}

struct Row {
    const char* disks;
    Wish wish;
    bool settling;
    Kind kind;
    // Of what is to be written: state and turn, and whose stamp: 'm' the claim's own, '=' as it was.
    SlotState state = SlotState::free;
    std::uint64_t turn = 0;
    char stamp = ' ';
};

constexpr auto free_now = SlotState::free;
constexpr auto taken = SlotState::taken;
constexpr auto borrowed = SlotState::borrowed;

const Row rows[] = {
    // A free slot.
    {"f+f+f+", Wish::own, false, Kind::write, taken, 5, 'm'},
    {"f+f+f+", Wish::mend, false, Kind::write, borrowed, 5, 'm'},
    {"f+f+f-", Wish::own, false, Kind::write, taken, 5, 'm'},
    {"f+f-f-", Wish::own, false, Kind::undecided},
    {"f+f+?-", Wish::own, false, Kind::write, taken, 5, 'm'},
    {"f+#+f-", Wish::own, false, Kind::undecided},  // a damaged disk tells nothing
    {"f+#+f+", Wish::mend, true, Kind::write, borrowed, 5, 'm'},
    {"f+f+?-", Wish::mend, true, Kind::undecided},  // a settling claim reaches every disk
    {"F+F+F+", Wish::release, false, Kind::write, free_now, 6, '='},
    {"f+f+f+", Wish::release, false, Kind::dispossessed},
    {"f+f+f+", Wish::keep, false, Kind::leave},
    {"f+f+f+", Wish::give_back, false, Kind::leave},
    {"f+f+f+", Wish::forget, false, Kind::leave},
    // Held, ours, borrowed.
    {"b+b+b+", Wish::own, false, Kind::leave},
    {"b+b+b+", Wish::mend, false, Kind::write, borrowed, 7, 'm'},
    {"b+f+f+", Wish::mend, true, Kind::write, borrowed, 7, 'm'},
    {"b+b+b+", Wish::release, false, Kind::write, free_now, 6, '='},
    {"b+F+b+", Wish::release, false, Kind::write, free_now, 6, '='},  // begun before
    // Held, ours, taken.
    {"t+t+t+", Wish::own, false, Kind::leave},
    {"t+t+#+", Wish::keep, true, Kind::write, taken, 5, '='},
    {"t+t+#+", Wish::mend, true, Kind::write, taken, 5, '='},
    {"t+t+t+", Wish::give_back, false, Kind::write, free_now, 6, '='},
    {"t+t+t+", Wish::release, false, Kind::dispossessed},
    // Held by another, on a majority, or on what may be one.
    {"o+o+f+", Wish::own, false, Kind::leave},
    {"o+o+f+", Wish::mend, true, Kind::write, taken, 5, '='},
    {"o+#+f+", Wish::mend, true, Kind::write, taken, 5, '='},
    {"o+f+?-", Wish::mend, false, Kind::write, taken, 5, '='},
    {"p+p+f+", Wish::mend, true, Kind::write, borrowed, 5, '='},
    {"o+o+o+", Wish::release, false, Kind::dispossessed},
    {"o+o+o+", Wish::give_back, false, Kind::leave},
    {"o+o+o+", Wish::keep, false, Kind::leave},
    // Held by another, no majority: void.
    {"o+f+f+", Wish::mend, true, Kind::write, borrowed, 7, 'm'},
    {"o+f+f+", Wish::mend, false, Kind::leave},
    {"o+f+f+", Wish::own, false, Kind::leave},
    {"n+o+o+", Wish::mend, true, Kind::write, borrowed, 9, 'm'},  // the top decides, not the many
    {"n+o+#+", Wish::mend, true, Kind::write, taken, 7, '='},
    // Forgotten by a person's word: every disk must be reached.
    {"o+o+o+", Wish::forget, false, Kind::write, free_now, 6, '='},
    {"p+p+p+", Wish::forget, false, Kind::write, free_now, 6, '='},
    {"o+o+?-", Wish::forget, false, Kind::undecided},
    {"t+t+t+", Wish::forget, false, Kind::leave},
    // Two entries of one turn.
    {"o+q+f+", Wish::mend, true, Kind::disputed},
    {"o+q+f+", Wish::own, false, Kind::disputed},
    {"n+q+o+", Wish::mend, true, Kind::write, borrowed, 9, 'm'},  // below the top it is past
    // One disk, five disks.
    {"f+", Wish::own, false, Kind::write, taken, 5, 'm'},
    {"f-", Wish::own, false, Kind::undecided},
    {"o+", Wish::mend, true, Kind::write, taken, 5, '='},
    {"#+", Wish::mend, true, Kind::undecided},
    {"f+f+f+f-f-", Wish::own, false, Kind::write, taken, 5, 'm'},
    {"f+f+f-f-f-", Wish::own, false, Kind::undecided},
    {"o+o+o+f+f+", Wish::mend, true, Kind::write, taken, 5, '='},
    {"o+o+f+f+f+", Wish::mend, true, Kind::write, borrowed, 7, 'm'},
    {"o+o+#+f+f+", Wish::mend, true, Kind::write, taken, 5, '='},
    {"o+#+#+f+f+", Wish::mend, true, Kind::write, taken, 5, '='},
    {"o+#+f+f+f+", Wish::mend, true, Kind::write, borrowed, 7, 'm'},
    {"o+#+#+f+f-", Wish::mend, true, Kind::undecided},
};

TEST(Ruling, FollowsTheTable) {
    for (const Row& row : rows) {
        std::vector<Showing> disks;
        for (const char* at = row.disks; *at != 0; at += 2) disks.push_back(showing(at[0], at[1]));
        Petition petition;
        petition.wish = row.wish;
        petition.settling = row.settling;
        petition.mine = entry(SlotState::taken, 0, 'm', 77);
        petition.before = 9;
        petition.forgotten = host('o');
        const Ruling ruling = rule_on(petition, disks, Threshold::majority(disks.size()));
        const std::string what = std::string(row.disks) + " wish " +
                                 std::to_string(static_cast<int>(row.wish)) +
                                 (row.settling ? " settling" : "");
        EXPECT_EQ(ruling.kind, row.kind) << what;
        if (row.kind != Kind::write || ruling.kind != Kind::write) continue;
        EXPECT_EQ(ruling.target.state, row.state) << what;
        EXPECT_EQ(ruling.target.turn, row.turn) << what;
        EXPECT_EQ(ruling.target.stamp == 77, row.stamp == 'm') << what;
    }
}

// A slot has a new holder, or none, after every change: the parity of its turn says which.
TEST(Ruling, KeepsTheParityOfTurns) {
    for (const Row& row : rows) {
        if (row.kind != Kind::write) continue;
        EXPECT_EQ(row.turn % 2 == 1, row.state != SlotState::free);
    }
}

}  // namespace
}  // namespace diskpaxos
