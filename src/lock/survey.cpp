#include "lock/survey.hpp"

#include <algorithm>
#include <cerrno>

namespace diskpaxos {

namespace {

constexpr Purposes for_both{.read = true, .write = true};
constexpr std::uint64_t chunk_bytes = 1U << 20;
constexpr unsigned timed_reads = 7;
constexpr Duration straggling = std::chrono::seconds(1);  // behind a quorum; then it is left out

}  // namespace

// ---- what a survey tells ----

const char* describe(Fate fate) {
    switch (fate) {
        case Fate::unknown:
            return "unknown";
        case Fate::live:
            return "live";
        case Fate::left:
            return "left";
        case Fate::evicted:
            return "evicted";
        case Fate::cut_short:
            return "cut_short";
        case Fate::superseded:
            return "superseded";
    }
    UNREACHABLE();
}

Fate fate_of(const SessionRef& session, const std::optional<SessionRecord>& record) {
    if (!record) return Fate::unknown;
    if (record->epoch() == session.epoch) {
        switch (record->state) {
            case SessionState::live:
                return Fate::live;
            case SessionState::left:
                return Fate::left;
            case SessionState::evicted:
                return Fate::evicted;
        }
    }
    if (!record->follows(session.epoch)) return Fate::unknown;
    return record->leaves_unclean(session.epoch) ? Fate::cut_short : Fate::superseded;
}

const SurveyedCell* Survey::find(std::string_view name) const {
    const auto found = std::ranges::lower_bound(names, name, {}, &SurveyedCell::name);
    return found != names.end() && found->name == name ? &*found : nullptr;
}

std::optional<LockRecord> Survey::lock(const SurveyedCell& cell) const {
    return cell.state == CellState::lock ? decode_lock(cell.value) : std::nullopt;
}

const SurveyedCell* Survey::session_cell(std::uint16_t slot) const {
    const SurveyedCell* cell = find(session_name(slot));
    return cell != nullptr && cell->state == CellState::session ? cell : nullptr;
}

std::optional<SessionRecord> Survey::session(std::uint16_t slot) const {
    const SurveyedCell* cell = session_cell(slot);
    return cell == nullptr ? std::nullopt : decode_session(cell->value);
}

// ---- reading ----

Surveyor::Surveyor(World& world, const Roster& roster, const QuorumRule& rule)
    : world_(world),
      roster_(roster),
      rule_(rule),
      format_(roster.common.geometry, roster.common.kinds()),
      disks_(roster.disks()),
      tables_(roster.disks()),
      seen_(roster.disks()),
      hurt_(roster.disks()),
      first_(world),
      second_(world) {}

Task<Survey> Surveyor::run(Instant deadline) {
    for (std::size_t disk = 0; disk < roster_.disks(); ++disk) {
        const bool present = roster_.members[disk] != nullptr;
        disks_[disk].name = roster_.names[disk];
        disks_[disk].present = present;
        seen_[disk].resize(roster_.common.geometry.cells);
        hurt_[disk].resize(roster_.common.geometry.slots);
        for (Glimpse& cell : seen_[disk]) cell.present = present;
        if (present) first_.start(read_disk(disk));
    }
    const std::function<bool()> first_done = [this] { return rule_.suffices(for_both, done_); };
    (void)co_await first_.gather(first_done, deadline, straggling);
    const DiskSet in_time = done_;
    judge();
    for (std::size_t disk = 0; disk < roster_.disks(); ++disk) {
        if (!in_time.contains(disk) || doubts_.empty()) continue;
        confirming_.insert(disk);
        second_.start(confirm_on(disk));
    }
    const std::function<bool()> second_done = [this] { return confirming_.empty(); };
    const Instant soon = std::min(deadline, world_.clock.now() + 2 * straggling);
    (void)co_await second_.gather(second_done, soon, straggling);
    over_ = true;
    for (Doubt& doubt : doubts_) {
        const bool sure = rule_.suffices(for_both, doubt.confirmed);
        if (sure) doubt.found.standing = Standing::committed;
        survey_.names.push_back(named(doubt.number, std::move(doubt.found)));
    }
    std::erase_if(survey_.names, [](const SurveyedCell& cell) { return cell.name.empty(); });
    std::ranges::sort(survey_.names, {}, &SurveyedCell::name);
    survey_.disks = disks_;
    co_return survey_;
}

Task<void> Surveyor::read_disk(std::size_t disk) {
    const Geometry& geometry = roster_.geometry(disk);
    SurveyedDisk& report = disks_[disk];
    report.error = co_await time_reads(disk);
    Disk& device = *roster_.members[disk];
    IoPtr io = device.prepare(Io::Kind::read, Extent{}, geometry.slot_table());
    io = co_await Transfer(device, std::move(io));
    if (io->error == 0) {
        tables_[disk] = decode_slot_table(io->in.bytes(), roster_.common, disk);
    } else if (report.error == 0 && !for_others(disk, io->error)) {
        report.error = io->error;
    }
    io.reset();
    const std::uint64_t row = std::uint64_t{geometry.row_blocks()} * geometry.block_size;
    const auto step = static_cast<std::uint32_t>(std::max<std::uint64_t>(1, chunk_bytes / row));
    for (std::uint32_t cell = 0; cell < geometry.cells && !over_; cell += step) {
        co_await read_cells(disk, cell, std::min(step, geometry.cells - cell));
    }
    done_.insert(disk);
}

Task<int> Surveyor::time_reads(std::size_t disk) {
    Disk& device = *roster_.members[disk];
    std::vector<Duration> times;
    int error = 0;
    const Geometry& geometry = roster_.geometry(disk);  // a register may not be for us to see
    const Extent sample = geometry.active ? Extent{geometry.superblock_first(), 1} : geometry.row(0);
    for (unsigned i = 0; i < timed_reads && error == 0; ++i) {
        IoPtr io = device.prepare(Io::Kind::read, Extent{}, sample);
        io = co_await Transfer(device, std::move(io));
        error = io->error;
        times.emplace_back(io->nanoseconds);
    }
    std::ranges::sort(times);
    disks_[disk].read_time = times[times.size() / 2];
    disks_[disk].longest_read = times.back();
    co_return error;
}

// A sector that cannot be read, or a register that is not for us to see, costs its own cell.
Task<void> Surveyor::read_cells(std::size_t disk, std::uint32_t first, std::uint32_t count) {
    const Geometry& geometry = roster_.geometry(disk);
    const std::size_t row = std::size_t{geometry.row_blocks()} * geometry.block_size;
    const Extent extent{geometry.row(first).first, std::uint64_t{count} * geometry.row_blocks()};
    Disk& device = *roster_.members[disk];
    IoPtr io = device.prepare(Io::Kind::read, Extent{}, extent);
    io = co_await Transfer(device, std::move(io));
    if (over_) co_return;
    if (io->error != 0) {
        if (count == 1) {
            fail_row(disk, first, io->error);
            co_return;
        }
        for (std::uint32_t cell = first; cell < first + count; ++cell) {
            co_await read_cells(disk, cell, 1);
        }
        co_return;
    }
    for (std::uint32_t cell = first; cell < first + count; ++cell) {
        const ByteView bytes = io->in.bytes().subspan((cell - first) * row, row);
        seen_[disk][cell] = glimpse(bytes, roster_.row(disk, cell));
        const bool again = seen_[disk][cell].damage == Damage::checksum && count > 1;
        if (again) co_await read_cells(disk, cell, 1);  // it may have been in the middle of a write
        else take_row(disk, cell, bytes);
    }
}

// Which slots' blocks cannot be read in it.
void Surveyor::take_row(std::size_t disk, std::uint32_t cell, ByteView row) {
    const Geometry& geometry = roster_.geometry(disk);
    if (seen_[disk][cell].damage == Damage::none || geometry.active) return;
    const RowAddress address = roster_.row(disk, cell);
    const std::size_t size = geometry.block_size;
    for (Place place = 0; place < geometry.places(); ++place) {
        const ByteView block = row.subspan((geometry.doors() + place) * size, size);
        const bool whole = decode_block(block, address.block(place)).state != BlockState::unknown;
        if (!whole) hurt_[disk][place / geometry.ring] = true;
    }
}

void Surveyor::fail_row(std::size_t disk, std::uint32_t cell, int error) {
    Glimpse& seen = seen_[disk][cell];
    seen = Glimpse();
    seen.present = true;
    seen.forbidden = for_others(disk, error);
    if (seen.forbidden) return;
    if (disks_[disk].error == 0) disks_[disk].error = error;
    if (!roster_.common.is_active(disk)) hurt_[disk].assign(hurt_[disk].size(), true);
}

// The keeper of an active disk knows us, and this is not for us to see.
bool Surveyor::for_others(std::size_t disk, int error) const {
    return error == EACCES && roster_.common.is_active(disk);
}

// ---- judging ----

void Surveyor::judge() {
    const Geometry& geometry = roster_.common.geometry;
    Glimpse silent;
    silent.present = true;
    for (std::size_t disk = 0; disk < roster_.disks(); ++disk) {
        disks_[disk].answered = done_.contains(disk);
        if (disks_[disk].present && !disks_[disk].answered) disks_[disk].error = ETIMEDOUT;
    }
    survey_.majority = rule_.suffices(for_both, done_);
    survey_.cells = geometry.cells;
    for (std::uint32_t cell = 0; cell < geometry.cells; ++cell) {
        std::vector<const Glimpse*> disks;
        for (std::size_t disk = 0; disk < roster_.disks(); ++disk) {
            const bool late = disks_[disk].present && !done_.contains(disk);
            disks.push_back(late ? &silent : &seen_[disk][cell]);
        }
        Agreement found = agreement(disks, rule_);
        count(found);
        if (found.rank.none()) continue;
        if (found.standing == Standing::moving) {
            doubts_.push_back({.number = cell, .found = std::move(found), .confirmed = {}});
        } else {
            survey_.names.push_back(named(cell, std::move(found)));
        }
    }
    const bool owned = roster_.common.kinds() != DiskKinds::active;  // else the table means nothing
    for (std::uint32_t slot = 0; slot < geometry.slots; ++slot) {
        survey_.slots.push_back(owned ? agree(tables_, rule_, slot) : SlotView());
    }
    count_votes();
}

void Surveyor::count(const Agreement& found) {
    for (std::size_t disk = 0; disk < roster_.disks(); ++disk) {
        if (found.disks[disk] == DiskSays::behind) ++disks_[disk].behind;
        if (found.disks[disk] == DiskSays::damaged) ++disks_[disk].damaged;
        if (found.disks[disk] == DiskSays::forbidden) ++disks_[disk].unseen;
    }
}

void Surveyor::count_votes() {
    Redundancy& votes = survey_.votes;
    const Geometry& geometry = roster_.common.geometry;
    votes.disks = roster_.disks();
    votes.cells.resize(geometry.cells);
    if (roster_.common.kinds() != DiskKinds::active) votes.slots.resize(geometry.slots);
    for (std::size_t disk = 0; disk < roster_.disks(); ++disk) {
        if (!done_.contains(disk)) continue;  // absent, or it has not answered to the end
        for (std::uint32_t cell = 0; cell < geometry.cells; ++cell) {
            const Glimpse& seen = seen_[disk][cell];
            if (seen.counts()) votes.cells[cell].of.insert(disk);
            if (seen.forbidden) votes.cells[cell].unseen.insert(disk);
        }
        const TableCopy& table = tables_[disk];
        for (std::size_t slot = 0; slot < votes.slots.size(); ++slot) {
            const bool entry = table.read && table.claims[slot] && table.owners[slot];
            if (entry && !hurt_[disk][slot]) votes.slots[slot].of.insert(disk);
        }
    }
}

// The second pass, over those disks that have the value: a promise that stood there when the
// value was written would have stopped it.
Task<void> Surveyor::confirm_on(std::size_t disk) {
    Disk& device = *roster_.members[disk];
    for (Doubt& doubt : doubts_) {
        if (!doubt.found.having().contains(disk)) continue;
        const Extent row = roster_.geometry(disk).row(doubt.number);
        IoPtr io = device.prepare(Io::Kind::read, Extent{}, row);
        io = co_await Transfer(device, std::move(io));
        if (over_) co_return;
        const bool fine =
            io->error == 0 && confirms(io->in.bytes(), roster_.row(disk, doubt.number), doubt.found);
        if (fine) doubt.confirmed.insert(disk);
    }
    confirming_.erase(disk);
}

SurveyedCell Surveyor::named(std::uint32_t number, Agreement found) const {
    SurveyedCell cell;
    cell.number = number;
    cell.standing = found.standing;
    cell.disks = std::move(found.disks);
    if (!format_.valid(found.record)) return cell;
    const CellView view = format_.view(found.record);
    cell.name = view.name;
    cell.state = view.state;
    cell.version = view.version;
    cell.value.assign(view.value.begin(), view.value.end());
    return cell;
}

}  // namespace diskpaxos
