#include "group/claim.hpp"

#include <algorithm>

#include "base/mutant.hpp"

namespace diskpaxos {

namespace {
constexpr int tries = 3;  // to read a table quickly
}  // namespace

Claim::Claim(World& world, const Roster& roster, const QuorumRule& rule, Host host)
    : world_(world),
      roster_(roster),
      rule_(rule),
      host_(std::move(host)),
      timing_(ClaimTiming::of(std::chrono::milliseconds(roster.common.ttl_ms))),
      drain_(drain_time(std::chrono::milliseconds(roster.common.ttl_ms))),
      validating_(roster.disks()),
      deciding_(roster.disks()),
      born_on_(roster.disks(), Instant::max()),
      fan_(world) {}

Task<std::vector<Claimed>> Claim::run(std::vector<Asked> asked, Watched watched, Instant deadline,
                                      Duration patience) {
    CHECK(attempts_.empty());
    if (asked.empty()) co_return std::vector<Claimed>();
    watched_ = std::move(watched);
    for (const Asked& one : asked) {
        Attempt attempt;
        Petition& petition = attempt.petition;
        petition.slot = one.slot;
        petition.wish = one.wish;
        petition.before = one.before;
        petition.forgotten = one.forgotten;
        petition.mine.stamp = world_.random.bits(64);
        petition.mine.since_ms = host_.now_ms;
        petition.mine.host = host_.id;
        petition.mine.boot = host_.boot;
        petition.mine.host_name = host_.name;
        attempts_.push_back(std::move(attempt));
    }
    // One disk that hangs must not cost the others the bound.
    const Duration grace = std::min(patience, timing_.bound / 2);
    const std::function<bool()> enough = [this] { return majority(done_); };
    const auto begin = [this](Phase phase, Task<void> (Claim::*on)(std::size_t)) {
        phase_ = phase;
        done_ = DiskSet();
        for (std::size_t disk = 0; disk < roster_.disks(); ++disk) {
            if (roster_.members[disk] != nullptr) fan_.start((this->*on)(disk));
        }
    };
    begin(Phase::stamping, &Claim::stamp_on);
    co_await fan_.gather(enough, deadline, grace);
    Instant end = born_ == Instant::max() ? world_.clock.now() : born_ + timing_.life();
    const bool unbounded = mutated(Mutant::release_blind) || mutated(Mutant::life_per_disk) ||
                           mutated(Mutant::decided_on_old_reads);
    if (unbounded) end = world_.clock.now() + timing_.life();
    const bool settling = std::ranges::any_of(
        attempts_, [](const Attempt& attempt) { return attempt.petition.settling; });
    begin(Phase::reading, &Claim::read_on);
    co_await fan_.gather(enough, end, settling ? timing_.wait : grace);
    decide();
    begin(Phase::writing, &Claim::write_on);
    const std::function<bool()> written = [this] {
        return std::ranges::all_of(attempts_, [this](const Attempt& attempt) {
            return attempt.ruling.kind != Ruling::Kind::write || majority(attempt.showing);
        });
    };
    co_await fan_.gather(written, end, grace);
    begin(Phase::freeing, &Claim::free_on);
    co_await fan_.gather(enough, end, grace);
    phase_ = Phase::over;
    co_return outcome();
}

Task<bool> Claim::all_answered(Instant deadline) {
    const std::function<bool()> all = [this] { return fan_.all_done(); };
    co_return co_await fan_.gather(all, deadline);
}

Instant Claim::drained_at() const {
    return under_way_ == 0 ? drained_at_ : world_.clock.now() + drain_;
}

// ---- steps 1 to 3: hold the disk ----

Task<void> Claim::stamp_on(std::size_t disk) {
    if (mutated(Mutant::release_blind) && attempts_.front().petition.wish == Wish::release) {
        done_.insert(disk);
        co_return;
    }
    Instant before{};  // tb
    TableCopy table = co_await fetch_at_once(disk, before);
    if (!table.read) co_return;
    {
        Scope stamps(world_.queue);
        for (Attempt& attempt : attempts_) {
            if (may_stamp(disk, table, attempt)) stamps.spawn(stamp(disk, attempt, before));
        }
        co_await stamps.idle().wait();
    }
    co_await world_.clock.sleep(timing_.wait);
    TableCopy again = co_await fetch_table(roster_, disk);
    if (!again.read || phase_ != Phase::stamping) co_return;
    validate(disk, again);
    validating_[disk] = std::move(again);
    done_.insert(disk);
}

// The table, read quickly enough for a stamp to be in time as well: one that is late helps nobody
// and bars the slot. A disk that is never quick is tried all the same.
Task<TableCopy> Claim::fetch_at_once(std::size_t disk, Instant& begun) {
    TableCopy table;
    for (int attempt = 0; attempt < tries; ++attempt) {
        begun = world_.clock.now();
        table = co_await fetch_table(roster_, disk);
        if (!table.read || world_.clock.now() - begun <= timing_.bound / 2) break;
    }
    co_return table;
}

// R2, R3. What we go over makes this a settling claim.
bool Claim::may_stamp(std::size_t disk, const TableCopy& table, Attempt& attempt) const {
    Petition& petition = attempt.petition;
    const std::uint32_t slot = petition.slot;
    const auto& claim = table.claims[slot];
    const auto& owner = table.owners[slot];
    const bool mends = petition.wish == Wish::mend || petition.wish == Wish::keep ||
                       petition.wish == Wish::forget;
    const bool careless = mutated(Mutant::damage_at_once) && mends;
    const bool free = claim && !claim->held();
    const std::uint32_t print = table.claim_prints[slot];
    if (!free && !watched_.outlived_claim(disk, slot, print) && !(careless && !claim)) return false;
    const std::uint32_t owner_print = table.owner_prints[slot];
    if (!owner && !watched_.outlived_owner(disk, slot, owner_print) && !careless) return false;
    if (!free || !owner) petition.settling = true;
    if (owner) attempt.sound.insert(disk);
    if (!claim || !owner) attempt.damaged.insert(disk);
    return true;
}

Task<void> Claim::stamp(std::size_t disk, Attempt& attempt, Instant before) {
    if (phase_ != Phase::stamping || !alive(disk)) co_return;
    if (world_.clock.now() - before > timing_.bound) co_return;
    SlotEntry entry = attempt.petition.mine;
    entry.state =
        attempt.petition.wish == Wish::give_back ? SlotState::returning : SlotState::taken;
    born_ = std::min(born_, world_.clock.now());
    born_on_[disk] = std::min(born_on_[disk], world_.clock.now());
    const bool put_down =
        co_await put(disk, BlockKind::claim, attempt.petition.slot, std::move(entry));
    if (put_down && world_.clock.now() - before <= timing_.bound) attempt.stamped.insert(disk);
}

void Claim::validate(std::size_t disk, const TableCopy& table) {
    for (Attempt& attempt : attempts_) {
        const auto& claim = table.claims[attempt.petition.slot];
        const bool stands = claim && claim->stamp == attempt.petition.mine.stamp;
        if (attempt.stamped.contains(disk) && stands) attempt.validated.insert(disk);
    }
}

// ---- step 4: decide once ----

Task<void> Claim::read_on(std::size_t disk) {
    TableCopy table = co_await fetch_table(roster_, disk);
    if (!table.read || (phase_ != Phase::reading && !mutated(Mutant::won_per_disk))) co_return;
    deciding_[disk] = std::move(table);
    done_.insert(disk);
    if (mutated(Mutant::won_per_disk)) {  // by what has been read so far
        decide();
        co_await write_on(disk);
        for (Attempt& attempt : attempts_) {
            const bool withdrawn = attempt.ruling.kind != Ruling::Kind::write;
            if (withdrawn && attempt.tenure.contains(disk)) co_await free(disk, attempt);
        }
    }
}

std::vector<Showing> Claim::showings(Attempt& attempt) const {
    std::vector<Showing> disks(roster_.disks());
    attempt.tenure = DiskSet();
    for (std::size_t disk = 0; disk < disks.size(); ++disk) {
        const bool early =
            mutated(Mutant::decided_on_old_reads) && attempt.validated.contains(disk);
        const TableCopy& table = early ? validating_[disk] : deciding_[disk];
        if (!table.read) continue;
        const auto& claim = table.claims[attempt.petition.slot];
        const auto& owner = table.owners[attempt.petition.slot];
        Showing& here = disks[disk];
        here.owner = owner ? Showing::Owner::sound : Showing::Owner::damaged;
        if (owner) here.entry = *owner;
        const bool stands = claim && claim->stamp == attempt.petition.mine.stamp;
        here.tenure = attempt.validated.contains(disk) && stands;
        here.counts = attempt.sound.contains(disk);
        if (mutated(Mutant::release_blind) && attempt.petition.wish == Wish::release) {
            here.tenure = here.counts = true;
        }
        if (here.tenure) attempt.tenure.insert(disk);
    }
    return disks;
}

void Claim::decide() {
    for (Attempt& attempt : attempts_) {
        const std::vector<Showing> disks = showings(attempt);
        attempt.ruling = rule_on(attempt.petition, disks, rule_);
        if (attempt.ruling.kind != Ruling::Kind::write) continue;
        const SlotEntry& target = attempt.ruling.target;
        for (std::size_t disk = 0; disk < disks.size(); ++disk) {
            if (disks[disk].owner == Showing::Owner::sound && disks[disk].entry == target) {
                attempt.showing.insert(disk);
            }
        }
    }
}

// ---- step 5: write ----

Task<void> Claim::write_on(std::size_t disk) {
    Scope writes(world_.queue);
    for (Attempt& attempt : attempts_) {
        const bool wanted = attempt.ruling.kind == Ruling::Kind::write &&
                            attempt.tenure.contains(disk) && !attempt.showing.contains(disk);
        if (wanted) writes.spawn(write(disk, attempt));
    }
    co_await writes.idle().wait();
    if (phase_ == Phase::writing) done_.insert(disk);
}

Task<void> Claim::write(std::size_t disk, Attempt& attempt) {
    if (!alive(disk)) co_return;
    attempt.wrote = true;
    const bool written =
        co_await put(disk, BlockKind::owner, attempt.petition.slot, attempt.ruling.target);
    if (written) attempt.showing.insert(disk);
}

// ---- step 6: end ----

// R7: the target stands on a write majority; or nothing was written, and nothing gone over.
bool Claim::conclusive(const Attempt& attempt) const {
    if (mutated(Mutant::stamps_freed)) return true;
    if (attempt.ruling.kind == Ruling::Kind::write && majority(attempt.showing)) return true;
    return !attempt.wrote && !attempt.petition.settling;
}

Task<void> Claim::free_on(std::size_t disk) {
    Scope writes(world_.queue);
    for (Attempt& attempt : attempts_) {
        const bool shows = attempt.showing.contains(disk) ||
                           attempt.ruling.kind != Ruling::Kind::write ||
                           mutated(Mutant::freed_unanswered) || mutated(Mutant::stamps_freed);
        const bool wanted = conclusive(attempt) && attempt.tenure.contains(disk) && shows;
        if (wanted) writes.spawn(free(disk, attempt));
    }
    co_await writes.idle().wait();
    if (phase_ == Phase::freeing) done_.insert(disk);
}

Task<void> Claim::free(std::size_t disk, Attempt& attempt) {
    if (!alive(disk)) co_return;
    SlotEntry entry = attempt.petition.mine;
    entry.state = SlotState::free;
    entry.turn = attempt.ruling.target.turn;
    co_await put(disk, BlockKind::claim, attempt.petition.slot, std::move(entry));
}

// ---- all steps ----

// R4: tested in the same step as the submission.
bool Claim::alive(std::size_t disk) const {
    if (mutated(Mutant::decided_on_old_reads)) return true;  // R4 alone would hide it
    const Instant born = mutated(Mutant::life_per_disk) ? born_on_[disk] : born_;
    return born == Instant::max() || world_.clock.now() <= born + timing_.life();
}

Task<bool> Claim::put(std::size_t disk, BlockKind kind, std::uint32_t slot, SlotEntry entry) {
    Disk& device = *roster_.members[disk];
    const Geometry& geometry = roster_.common.geometry;
    const std::uint64_t at =
        kind == BlockKind::claim ? geometry.claim_block(slot) : geometry.owner_block(slot);
    IoPtr io = device.prepare(Io::Kind::write, Extent{at, 1}, Extent{});
    encode_slot_entry(io->out.bytes(), slot_address(roster_.common, disk, kind, slot), entry);
    ++under_way_;
    io = co_await Transfer(device, std::move(io));
    --under_way_;
    if (io->error != 0) drained_at_ = world_.clock.now() + drain_;
    co_return io->error == 0;
}

std::vector<Claimed> Claim::outcome() const {
    std::vector<Claimed> all;
    for (const Attempt& attempt : attempts_) {
        Claimed one;
        one.slot = attempt.petition.slot;
        one.wish = attempt.petition.wish;
        one.ruling = attempt.ruling.kind;
        one.won = attempt.ruling.kind == Ruling::Kind::write && majority(attempt.showing);
        if (attempt.ruling.kind == Ruling::Kind::write) one.entry = attempt.ruling.target;
        for (std::size_t disk = 0; disk < roster_.disks(); ++disk) {
            const bool whole = attempt.damaged.contains(disk) && attempt.showing.contains(disk);
            if (whole && one.won) ++one.healed;
        }
        all.push_back(std::move(one));
    }
    return all;
}

}  // namespace diskpaxos
