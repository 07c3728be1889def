// What `explain` says, word for word, one situation after the other.
#include "cli/explanation.hpp"

#include <gtest/gtest.h>

#include "cli/shell_word.hpp"

namespace diskpaxos::cli {
namespace {

using std::chrono::milliseconds;
using enum DiskSays;

constexpr std::uint64_t now_ms = 1'795'377'600'000;  // 2026-11-22T20:00:00Z

Party party(std::uint16_t slot, std::uint64_t token, LockMode mode = LockMode::exclusive) {
    Party result{
        .session = {slot, 7}, .mode = mode, .token = token, .fate = Fate::live, .record = {}};
    SessionRecord record;
    record.ttl_ms = 10'000;
    record.opened = 7;
    record.since_ms = now_ms - 243'000;
    record.pid = 4700U + slot;
    record.host_name = "db1";
    record.command = "./backup.sh";
    result.record = record;
    return result;
}

Watched watched() {
    Watched result;
    result.length = milliseconds(1900);
    result.expires_in = milliseconds(8120);
    result.ttl = milliseconds(10'000);
    result.renewal = milliseconds(1667);
    return result;
}
Watched renewing() {
    Watched result = watched();
    result.renewed_ago = milliseconds(400);
    return result;
}

Situation lock_called_x(std::uint64_t token) {
    Situation at;
    at.name = "x";
    at.now_ms = now_ms;
    at.disk_names = {"a.img", "b.img", "c.img"};
    at.answered = 3;
    at.needed = 2;
    at.cell.name = "x";
    at.cell.state = CellState::lock;
    at.cell.version = 12;
    at.cell.standing = Standing::committed;
    at.cell.disks = {agrees, agrees, agrees};
    at.lock.emplace();
    at.lock->name = "x";
    at.lock->record.token = token;
    return at;
}
Situation held() {
    Situation at = lock_called_x(41);
    at.lock->record.exclusive = true;
    at.lock->holders = {party(3, 41)};
    at.watched = {renewing()};
    return at;
}
Situation ended(Fate fate) {
    Situation at = lock_called_x(41);
    at.lock->ended = {party(3, 41)};
    at.lock->ended[0].fate = fate;
    return at;
}

void expect(const Situation& at, const std::string& text) {
    std::string said = "\n";
    for (const std::string& line : explained(at)) said += line + "\n";
    EXPECT_EQ(said, text);
}

TEST(Explanation, Free) {
    expect(lock_called_x(41), R"(
lock "x" is free; the token of the last holding was 41
  queue   nobody waits
  disks   a.img, b.img and c.img say so
  do      take it: diskpaxos run x -- CMD
)");
}

TEST(Explanation, NeverHeld) {
    EXPECT_EQ(explained(lock_called_x(0)).front(), "lock \"x\" is free; nobody ever held it");
}

TEST(Explanation, Held) {
    expect(held(), R"(
lock "x" is held exclusively, token 41
  holder  host db1, pid 4703: "./backup.sh"
          slot 3, token 41
  since   2026-11-22T19:55:57.000Z (4 min 3 s ago), when its session began
  life    renewed 0.4 s ago while watched
  free    when it is released; if its holder died now, by 20:00:11 UTC (in 11.7 s) once somebody waits for it
  queue   nobody waits
  disks   a.img, b.img and c.img say so
  do      wait for it: diskpaxos run x -- CMD; or look at pid 4703 on host db1; or take it away: diskpaxos break x
)");
}

TEST(Explanation, HeldSharedBySeveral) {
    Situation at = held();
    at.lock->record.exclusive = false;
    at.lock->holders = {party(3, 40, LockMode::shared), party(5, 41, LockMode::shared)};
    at.watched = {renewing(), renewing()};
    at.watched[1].renewed_ago = milliseconds(20);
    expect(at, R"(
lock "x" is held, shared by 2 sessions
  holder  host db1, pid 4703: "./backup.sh"
          slot 3, token 40
  since   2026-11-22T19:55:57.000Z (4 min 3 s ago), when its session began
  life    renewed 0.4 s ago while watched
  holder  host db1, pid 4705: "./backup.sh"
          slot 5, token 41
  since   2026-11-22T19:55:57.000Z (4 min 3 s ago), when its session began
  life    renewed just now while watched
  free    when it is released; if its holders died now, by 20:00:11 UTC (in 11.7 s) once somebody waits for it
  queue   nobody waits
  disks   a.img, b.img and c.img say so
  do      wait for it: diskpaxos run x -- CMD; or look at pid 4703 on host db1; or take it away: diskpaxos break x
)");
}

TEST(Explanation, ItsHolderLeft) {
    EXPECT_EQ(explained(ended(Fate::left)).front(),
              "lock \"x\" is free: its last holder, host db1, pid 4703, has left");
}

TEST(Explanation, ItsHolderWasEvicted) {
    Situation at = ended(Fate::evicted);
    at.lock->record.doubtful = true;
    at.lock->ended[0].record->host_name = "web2";
    expect(at, R"(
lock "x" is free: its last holder, the session of slot 3 ("./backup.sh"), was evicted by host web2, pid 4703
  queue   nobody waits
  value   doubtful: who set it last was evicted
  disks   a.img, b.img and c.img say so
  do      take it: diskpaxos run x -- CMD
)");
}

TEST(Explanation, ItsHolderIsHistory) {
    EXPECT_EQ(explained(ended(Fate::superseded)).front(),
              "lock \"x\" is free: its last holder, an earlier session of slot 3, is over");
}

TEST(Explanation, TheHolderIsSilentAndNobodyWaits) {
    Situation at = held();
    at.watched = {watched()};
    expect(at, R"(
lock "x" is held exclusively, token 41
  holder  host db1, pid 4703: "./backup.sh"
          slot 3, token 41
  since   2026-11-22T19:55:57.000Z (4 min 3 s ago), when its session began
  life    silent for as long as it was watched (1.9 s)
  free    by 20:00:11 UTC (in 11.7 s) at the latest if it stays silent and somebody waits for it from now on: a lock is only taken from the dead by who wants it
  queue   nobody waits
  disks   a.img, b.img and c.img say so
  do      wait for it: diskpaxos run x -- CMD; or look at pid 4703 on host db1; or take it away: diskpaxos break x
)");
    EXPECT_TRUE(free_by(at).once_waited_for);
}

TEST(Explanation, TheHolderIsSilentAndOthersWait) {
    Situation at = held();
    at.watched = {watched()};
    at.lock->waiters = {party(4, 0), party(6, 0, LockMode::shared), party(8, 0)};
    at.lock->waiters[1].record->host_name = "web1";
    at.lock->waiters[1].record->command = "./report\x1b.sh";
    at.lock->waiters[2].record.reset();
    at.lock->waiters[2].fate = Fate::superseded;
    expect(at, R"(
lock "x" is held exclusively, token 41
  holder  host db1, pid 4703: "./backup.sh"
          slot 3, token 41
  since   2026-11-22T19:55:57.000Z (4 min 3 s ago), when its session began
  life    silent for as long as it was watched (1.9 s)
  free    by 20:00:09 UTC (in 9.8 s) at the latest if it stays silent: those who wait take it then
  queue   1. host db1, pid 4704: "./backup.sh" (exclusive)
          2. host web1, pid 4706: "./report\x1b.sh" (shared)
          3. a session of slot 8 (exclusive), which is gone and will be passed over
  disks   a.img, b.img and c.img say so
  do      wait for it: diskpaxos run x -- CMD; or look at pid 4703 on host db1; or take it away: diskpaxos break x
)");
    EXPECT_EQ(free_by(at).in, Duration(milliseconds(8120 + 1667)));
}

TEST(Explanation, TheHolderWasCutShort) {
    Situation at = held();
    at.lock->holders[0].fate = Fate::cut_short;
    at.lock->holders[0].record.reset();
    at.watched = {watched()};
    expect(at, R"(
lock "x" is held exclusively, token 41
  holder  a session of slot 3
          slot 3, token 41
          a later session has its slot: it cannot renew any more, but what it started may run until its lease is over
  life    silent for as long as it was watched (1.9 s)
  free    by 20:00:11 UTC (in 11.7 s) at the latest if it stays silent and somebody waits for it from now on: a lock is only taken from the dead by who wants it
  queue   nobody waits
  disks   a.img, b.img and c.img say so
  do      wait for it: diskpaxos run x -- CMD
)");
}

TEST(Explanation, NoMajority) {
    Situation at = held();
    at.majority = false;
    at.answered = 1;
    at.watched.clear();
    at.cell.standing = Standing::no_majority;
    at.cell.disks = {agrees, absent, unreadable};
    expect(at, R"(
1 of 3 disks answers, 2 are needed: nobody can take or release "x" now, and what follows may be out of date
lock "x" is held exclusively, token 41
  holder  host db1, pid 4703: "./backup.sh"
          slot 3, token 41
  since   2026-11-22T19:55:57.000Z (4 min 3 s ago), when its session began
  free    not before a majority of the disks is back
  queue   nobody waits
  disks   a.img says so
          c.img does not answer
          b.img is absent
  do      bring back b.img and c.img
)");
}

TEST(Explanation, OneDiskIsDamagedAndOneBehind) {
    Situation at = lock_called_x(41);
    at.disk_names = {"a.img", "b.img", "c.img", "d.img", "e.img"};
    at.cell.disks = {agrees, behind, agrees, damaged, agrees};
    at.cell.standing = Standing::moving;
    expect(at, R"(
lock "x" is free; the token of the last holding was 41
  queue   nobody waits
  disks   a.img, c.img and e.img say so
          b.img is behind: it missed writes, which is no fault
          d.img is damaged here: run "diskpaxos check --repair"
          a change is in motion: look again
  do      take it: diskpaxos run x -- CMD
)");
}

TEST(Explanation, TheHolderCannotBeWatched) {
    Situation at = held();
    at.watched[0].renewed_ago.reset();
    at.watched[0].trouble = "1 of 3 disks answered";
    const std::vector<std::string> lines = explained(at);
    EXPECT_EQ(lines[4], "  life    it cannot be watched: 1 of 3 disks answered");
    EXPECT_EQ(lines[5], "  free    not known: its holder cannot be watched");
}

TEST(Explanation, WatchedForTooShort) {
    Situation at = held();
    at.watched = {watched()};
    at.watched[0].renewal = std::chrono::minutes(10);
    const std::vector<std::string> lines = explained(at);
    EXPECT_EQ(lines[4],
              "  life    watched for 1.9 s only, which tells nothing: it renews every 10 min 0 s");
    EXPECT_TRUE(lines[5].starts_with("  free    when it is released; if its holder died now"));
}

TEST(Explanation, AValueIsNoLock) {
    Situation at = lock_called_x(0);
    at.lock.reset();
    at.cell.state = CellState::set;
    at.cell.disks[1] = behind;
    expect(at, R"(
"x" is no lock but a cell with a value, version 12; "diskpaxos cell get x" prints it
  disks   a.img and c.img say so
          b.img is behind: it missed writes, which is no fault
)");
    at.cell.state = CellState::decided;
    EXPECT_EQ(explained(at).front(),
              "\"x\" is no lock: it was decided by \"propose\", for ever; "
              "\"diskpaxos cell get x\" prints it");
}

TEST(Explanation, WhatIsNoLocksRecordIsSaid) {
    Situation at = lock_called_x(0);
    at.lock->damaged = true;
    EXPECT_EQ(explained(at).front(),
              "\"x\" holds what this program did not write; run \"diskpaxos check\"");
}

// With the disks that were named, and in quotes where a shell needs them.
TEST(Explanation, WhatItSuggestsCanBePasted) {
    Situation at = held();
    at.name = "it's x";
    at.same_disks = " -g ./g.conf";
    EXPECT_EQ(explained(at).back(),
              "  do      wait for it: diskpaxos run -g ./g.conf 'it'\\''s x' -- CMD; or look at pid "
              "4703 on host db1; or take it away: diskpaxos break -g ./g.conf 'it'\\''s x'");
}

TEST(Words, ForAShellAreQuotedWhereTheyMustBe) {
    for (const char* plain : {"a", "disk-by/id_1.img", "agent://h:1/s", "iqn.2001-04:x,y=z+%@"}) {
        EXPECT_EQ(shell_word(plain), plain);
    }
    EXPECT_EQ(shell_word(""), "''");
    EXPECT_EQ(shell_word("a b"), "'a b'");
    EXPECT_EQ(shell_word("$(x)"), "'$(x)'");
    EXPECT_EQ(shell_word("it's"), "'it'\\''s'");
}

TEST(Words, AreForPeople) {
    EXPECT_EQ(brief(milliseconds(400)), "0.4 s");
    EXPECT_EQ(brief(milliseconds(61'000)), "1 min 1 s");
    EXPECT_EQ(brief(std::chrono::minutes(125)), "2 h 5 min");
    EXPECT_EQ(brief(std::chrono::hours(50)), "2 d 2 h");
    EXPECT_EQ(clock_time(now_ms), "20:00:00 UTC");
    EXPECT_EQ(since(5, 3), Duration(0));
}

}  // namespace
}  // namespace diskpaxos::cli
