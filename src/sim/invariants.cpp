#include "sim/invariants.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace diskpaxos::sim {

std::string describe(Rank rank) {
    if (rank.none()) return "-";
    return fmt::format("{}.{}:{:x}", rank.round, rank.proposer.slot(),
                       rank.proposer.value & 0xffffU);
}

void Invariants::violate(std::string what) {
    if (violation_.empty()) violation_ = std::move(what);
}

// ---- the platters ----

void Invariants::landed(const Platter& platter, std::uint64_t block, bool faulty) {
    if (!platter.is_cell_block(block) || platter.is_door(block)) return;
    const Decoded found = platter.decode(block);
    if (found.state == BlockState::unknown) {
        if (!faulty) violate(fmt::format("P3: unsound block {} on disk {}: {}", block,
                                         platter.number(), describe(found.damage)));
        return;
    }
    if (found.state == BlockState::valid) pushed(cells_[platter.cell_of(block)], found.block);

    if (platter.geometry().active) {
        if (!faulty && !platter.harmed) landed_by_agent(platter, block, found.block);
        return;
    }
    const auto spot = floors_.find({platter.number(), block});
    if (faulty || platter.harmed || spot == floors_.end()) return;
    const Floors& floors = spot->second;
    const bool same = floors.by == found.block.incarnation;
    if (floors.completed.above(found.block) || (same && floors.counted.above(found.block))) {
        violate(fmt::format("P3: block {} on disk {} regressed to promised {} accepted {}", block,
                            platter.number(), describe(found.block.promised),
                            describe(found.block.accepted)));
    }
}

void Invariants::landed_by_agent(const Platter& platter, std::uint64_t block, const Block& found) {
    Floor& floor = registers_[{platter.number(), block}];
    if (floor.above(found)) {
        violate(fmt::format("P3: register {} on disk {} regressed to promised {} accepted {}", block,
                            platter.number(), describe(found.promised), describe(found.accepted)));
    }
    floor = {found.promised, found.accepted};
}

void Invariants::pushed(std::uint32_t cell, const Block& block) { pushed(cells_[cell], block); }

void Invariants::overlapped(const Platter& platter, std::uint64_t block) {
    violate(fmt::format("P3: a second write to block {} on disk {} while one is in flight", block,
                        platter.number()));
}

void Invariants::died(Proposer incarnation) {
    for (auto& [spot, floors] : floors_) {
        if (floors.by == incarnation) floors.counted = Floor();
    }
}

void Invariants::pushed(CellWatch& cell, const Block& block) {
    if (block.accepted.none()) return;
    const auto [known, fresh] =
        cell.values.try_emplace(block.accepted, block.value.begin(), block.value.end());
    if (fresh) return check_version(cell, block.accepted);
    if (!std::ranges::equal(known->second, block.value)) {
        violate(fmt::format("F4: two values of rank {}", describe(block.accepted)));
    }
}

// ---- the steps ----

void Invariants::stepped(const std::vector<std::unique_ptr<Platter>>& platters, Place place,
                         const Step& step) {
    CellWatch& cell = cells_[step.cell];
    switch (step.kind) {
        case Step::Kind::phase_started: phase_started(cell, step.rank); break;
        case Step::Kind::read_done:
        case Step::Kind::write_done:
            for (const auto& platter : platters) completed(*platter, place, step);
            step.kind == Step::Kind::read_done ? read_done(cell, step) : write_done(cell, step);
            break;
        case Step::Kind::disk_refused: refused(cell, step); break;
        case Step::Kind::disk_counted: counted(*platters[step.disk], place, step); break;
        default: break;
    }
}

// A read will find its base; on the fast path it is the writer's own last write. What was read at
// in vain may be used again (ceiling-C3), and another write may have come before.
void Invariants::phase_started(CellWatch& cell, Rank rank) {
    cell.proposers.insert(rank.proposer);
    const auto last = cell.last_written.find(rank.proposer);
    if (cell.reads.contains(rank) || cell.values.contains(rank)) return;
    cell.bases[rank] = last == cell.last_written.end() ? Rank() : last->second;
}

void Invariants::counted(const Platter& platter, Place place, const Step& step) {
    if (step.rank.none()) return;  // a look: it counts nothing of one's own
    if (platter.geometry().active) return counted_by_agent(platter, step);
    const std::uint64_t block = platter.geometry().block(step.cell, place);
    const Decoded own = platter.decode(block);
    if (own.state != BlockState::valid || platter.harmed) return;  // damaged since
    Floors& floors = floors_[{platter.number(), block}];
    if (floors.by != step.rank.proposer) floors.counted = Floor();
    floors.by = step.rank.proposer;
    floors.counted.promised = step.rank;
    if (own.block.accepted == step.rank) floors.counted.accepted = step.rank;
}

// What was counted is durable, and will not be forgotten: 3.3.
void Invariants::counted_by_agent(const Platter& platter, const Step& step) {
    const Decoded found = platter.decode(platter.geometry().row(step.cell).first);
    if (found.state == BlockState::unknown || platter.harmed) return;
    const bool wrote = cells_[step.cell].values.contains(step.rank);
    if (found.block.promised >= step.rank && (!wrote || found.block.accepted >= step.rank)) return;
    violate(fmt::format("P3: {} was counted on disk {}, which has promised {} accepted {}",
                        describe(step.rank), platter.number(), describe(found.block.promised),
                        describe(found.block.accepted)));
}

void Invariants::completed(const Platter& platter, Place place, const Step& step) {
    if (platter.geometry().active) return;
    const std::uint64_t block = platter.geometry().block(step.cell, place);
    const auto spot = floors_.find({platter.number(), block});
    if (spot == floors_.end() || spot->second.counted.promised != step.rank) return;
    spot->second.completed = spot->second.counted;
}

void Invariants::read_done(CellWatch& cell, const Step& step) {
    cell.reads[step.rank] = step.other;
    cell.bases[step.rank] = step.other;
    const auto above = cell.commits.lower_bound(step.rank);
    if (above == cell.commits.begin() || *std::prev(above) <= step.other) return;
    violate(fmt::format("P2: read {} found {} although {} had committed", describe(step.rank),
                        describe(step.other), describe(*std::prev(above))));
}

void Invariants::write_done(CellWatch& cell, const Step& step) {
    const Rank rank = step.other;
    for (auto read = cell.reads.upper_bound(rank); read != cell.reads.end(); ++read) {
        if (read->second >= rank) continue;
        violate(fmt::format("P2: {} committed although read {} had found {}", describe(rank),
                            describe(read->first), describe(read->second)));
    }
    cell.last_written[rank.proposer] = rank;
    cell.commits.insert(rank);
    const auto here = cell.commits.find(rank);
    if (here != cell.commits.begin()) check_descent(cell, rank, *std::prev(here));
    if (std::next(here) != cell.commits.end()) check_descent(cell, *std::next(here), rank);
}

// P4, ancestry: from `from` back along the bases one must come by `to`.
void Invariants::check_descent(CellWatch& cell, Rank from, Rank to) {
    Rank rank = from;
    while (rank > to) {
        const auto base = cell.bases.find(rank);
        rank = base == cell.bases.end() ? Rank() : base->second;
    }
    if (rank == to) return;
    violate(fmt::format("P4: {} committed, but does not descend from {}", describe(from),
                        describe(to)));
}

// P4, versions: a record carries its base on as it was, or is the next version of it.
void Invariants::check_version(CellWatch& cell, Rank rank) {
    const auto base = cell.bases.try_emplace(rank, Rank()).first;
    const Bytes& record = cell.values[rank];
    if (!format_.valid(record)) return violate("P4: a record that nobody could have written");
    const std::uint64_t version = format_.view(record).version;
    const std::uint64_t before =
        base->second.none() ? 0 : format_.view(cell.values[base->second]).version;
    if (version == before || version == before + 1) return;
    violate(fmt::format("P4: {} has version {}, its base {} has {}", describe(rank), version,
                        describe(base->second), before));
}

const Bytes* Invariants::value(std::uint32_t cell, Rank rank) const {
    const auto found = cells_[cell].values.find(rank);
    return found == cells_[cell].values.end() ? nullptr : &found->second;
}

std::vector<Bytes> Invariants::lineage(std::uint32_t number) const {
    const CellWatch& cell = cells_[number];
    std::vector<Bytes> values(1);  // of version 0: empty
    if (cell.commits.empty()) return values;
    for (Rank rank = *cell.commits.rbegin(); !rank.none(); rank = cell.bases.at(rank)) {
        const CellView view = format_.view(cell.values.at(rank));
        values.resize(std::max(values.size(), view.version + 1));
        values[view.version].assign(view.value.begin(), view.value.end());
    }
    return values;
}

void Invariants::refused(CellWatch& cell, const Step& step) {
    // A fast path promises more than it starts, so what is asked is who it was.
    if (step.other.none()) return;  // it was not a rank, but the ceiling
    if (step.other > step.rank && cell.proposers.contains(step.other.proposer)) return;
    violate(fmt::format("P2: {} refused by {}", describe(step.rank), describe(step.other)));
}

}  // namespace diskpaxos::sim
