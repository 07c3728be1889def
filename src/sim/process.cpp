#include "sim/process.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "disk/step.hpp"

namespace diskpaxos::sim {

namespace {

// In roomy groups values are of any length: they lengthen and shorten the lineage beside them.
Bytes bytes_of(std::uint64_t number, bool roomy) {
    constexpr std::uint64_t longest_padding = 220;
    Bytes bytes(sizeof number + (roomy ? number * 37 % longest_padding : 0));
    store(bytes, 0, number);
    return bytes;
}

Content content_of(const CellView& view) {
    return {view.version, view.value.empty() ? 0 : load<std::uint64_t>(view.value, 0)};
}

ChangeFn change_of(const Operation& operation, bool roomy) {
    return [operation, roomy](const CellView& base, Draft& draft) {
        const Content before = content_of(base);
        const Content after = *execute(operation, before);
        if (after == before) return Verdict::keep;
        draft.state = CellState::set;
        draft.value = bytes_of(after.value, roomy);
        return Verdict::write;
    };
}

}  // namespace

Process::Process(SimWorld& world, Surroundings& around, unsigned number, Place place, Proposer me,
                 std::vector<SimPath*> paths, bool visitor)
    : sim_(world),
      around_(around),
      number_(number),
      place_(place),
      world_{strand_.queue, world.clock(), world.random(), *this},
      pace_(around.setup.pace),
      paths_(std::move(paths)),
      unsettled_(around.setup.geometry.cells),
      known_version_(around.setup.geometry.cells),
      visitor_(visitor),
      scope_(strand_.queue) {
    for (std::uint32_t cell = 0; cell < around.setup.geometry.cells; ++cell) {
        std::vector<std::unique_ptr<Visit>> visits;
        for (SimPath* path : paths_) visits.push_back(visit(*path, cell));
        auto reg = std::make_unique<Register>(world_, around.rule, cell, me, around.setup.patience,
                                              std::move(visits));
        cells_.push_back(std::make_unique<Cell>(world_, around.format, std::move(reg), pace_));
    }
    sim_.enter(strand_);
    scope_.spawn(live());
}

Process::~Process() {
    sim_.leave(strand_);
    for (SimPath* path : paths_) path->owner_died();
}

std::unique_ptr<Visit> Process::visit(SimPath& path, std::uint32_t cell) {
    const RowAddress row = path.platter().row(cell);
    if (path.active()) return std::make_unique<ActiveVisit>(path, row);
    const Quarantine quarantine{&sim_.clock(), around_.setup.quarantine};
    return std::make_unique<PassiveVisit>(path, row, place_, around_.setup.rereads, quarantine);
}

void Process::step(const Step& step) {
    if (step.kind == Step::Kind::phase_started) ++phases_;
    if (step.kind == Step::Kind::disk_failed) ++damage_;
    around_.stepped(*this, step);
}

// Works while the storm lasts; when it is over, every operation must end well.
Task<void> Process::live() {
    for (unsigned n = 0; n < around_.setup.operations && !stopped_; ++n) {
        co_await world_.clock.sleep(sim_.between(Duration(0), around_.setup.think));
        const auto cell = static_cast<std::uint32_t>(sim_.random().below(cells_.size()));
        auto operating = operate(cell, draw_kind());
        co_await operating;
    }
    if (visitor_) {
        finished_ = true;
        around_.left(*this);
        co_return;
    }
    co_await around_.calm.wait();
    for (std::uint32_t cell = 0; cell < cells_.size() && !stopped_; ++cell) {
        auto settling = settle(cell);
        co_await settling;
        for (unsigned n = 0; n < around_.setup.calm_operations && !stopped_; ++n) {
            auto adding = operate(cell, Operation::Kind::add);
            co_await adding;
        }
        if (stopped_) break;
        auto getting = operate(cell, Operation::Kind::get);
        co_await getting;
    }
    finished_ = true;
}

Task<void> Process::operate(std::uint32_t number, Operation::Kind kind) {
    Cell& cell = *cells_[number];
    const bool due = around_.calm.is_set() && around_.setup.liveness;
    const Instant deadline = draw_deadline(due);
    const Operation operation = draw(number, kind);
    const std::size_t id = around_.histories[number].begin(operation);
    const Instant began = sim_.now();
    operating_ = true;
    looks_before_ = looks();
    phases_ = damage_ = 0;
    if (kind == Operation::Kind::get) {
        auto getting = cell.get(deadline);
        const GetOutcome outcome = co_await getting;
        tell_get(number, id, outcome, due);
    } else {
        const ChangeFn change = change_of(operation, around_.setup.geometry.roomy);
        auto changing = cell.change(change, deadline);
        const ChangeOutcome outcome = co_await changing;
        tell_change(number, id, outcome, due);
    }
    operating_ = false;
    if (due) around_.longest_operation = std::max(around_.longest_operation, sim_.now() - began);
    around_.told(*this, number, id);
    if (sim_.chance(700)) {
        auto settling = settle(number);
        co_await settling;
    }
    if (sim_.chance(around_.setup.mends)) {
        auto mending = mend(number);
        co_await mending;
    }
}

// What became of the last change that nobody could tell of: yes and no are final.
Task<void> Process::settle(std::uint32_t number) {
    if (!unsettled_[number] || stopped_) co_return;
    const bool due = around_.calm.is_set() && around_.setup.liveness;
    auto resolving = cells_[number]->resolve(draw_deadline(due));
    const ResolveOutcome outcome = co_await resolving;
    if (std::holds_alternative<Undecided>(outcome)) {
        if (due) around_.wrong(fmt::format("P14: process {} cannot resolve", number_));
        around_.marks.count(Mark::still_unsettled);
        co_return;
    }
    if (std::holds_alternative<Usurped>(outcome)) {
        stop_as_usurped();
        co_return;
    }
    if (!std::holds_alternative<Applied>(outcome)) {
        around_.wrong(fmt::format("process {}: resolve ended with {}", number_, outcome.index()));
        co_return;
    }
    const std::size_t id = *std::exchange(unsettled_[number], std::nullopt);
    const Applied applied = std::get<Applied>(outcome);
    History& history = around_.histories[number];
    if (applied == Applied::yes) history.end(id, Operation::Fate::happened, true);
    if (applied == Applied::no) history.end(id, Operation::Fate::never);
    around_.marks.count(applied == Applied::yes  ? Mark::resolved_yes
                        : applied == Applied::no ? Mark::resolved_no
                                                 : Mark::cannot_tell);
    around_.told(*this, number, id);
}

// Damaged registers, healed as group/heal_registers does it: the value again, at a rank far above all;
// then the block, as that write would have left it there.
Task<void> Process::mend(std::uint32_t number) {
    std::vector<std::pair<SimPath*, Rank>> damaged;
    for (SimPath* path : paths_) {
        const std::optional<Rank> found = co_await damage(*path, number);
        if (found) damaged.emplace_back(path, *found);
    }
    if (damaged.empty()) co_return;
    constexpr std::uint64_t leap = std::uint64_t{1} << 24;
    auto renewing = cells_[number]->renew(leap, draw_deadline(false));
    const ChangeOutcome outcome = co_await renewing;
    if (!std::holds_alternative<Committed>(outcome)) co_return;
    const Own own = cells_[number]->reg().own();
    for (const auto& [path, found] : damaged) {
        auto restoring = restore(*path, number, found, own.block());
        co_await restoring;
    }
}

// The rank of a request that restores just what is damaged there now.
Task<std::optional<Rank>> Process::damage(SimPath& path, std::uint32_t number) {
    if (!path.active()) co_return std::nullopt;
    const Extent block = path.platter().geometry().row(number);
    IoPtr io = path.prepare(Io::Kind::read, Extent{}, block);
    io = co_await Transfer(path, std::move(io));
    const BlockAddress address = path.platter().row(number).block(0);
    if (io->error != 0) co_return std::nullopt;
    const bool unknown = decode_block(io->in.bytes(), address).state == BlockState::unknown;
    co_return unknown ? std::optional(restoring(io->in.bytes())) : std::nullopt;
}

Task<void> Process::restore(SimPath& path, std::uint32_t number, Rank damage, Block image) {
    const Extent block = path.platter().geometry().row(number);
    IoPtr io = path.prepare(Io::Kind::step, block, block);
    io->rank = damage;
    encode_block(io->out.bytes(), path.platter().row(number).block(0), image);
    io = co_await Transfer(path, std::move(io));
    const bool done = io->error == 0 && io->verdict == StepVerdict::done;
    if (done) around_.marks.count(Mark::restored);
}

void Process::tell_get(std::uint32_t number, std::size_t id, const GetOutcome& outcome, bool due) {
    History& history = around_.histories[number];
    if (std::holds_alternative<Committed>(outcome)) {
        history.end(id, Operation::Fate::happened, false, content(number));
        known_version_[number] = content(number).version;
        return mark_read();
    }
    history.end(id, Operation::Fate::never);
    if (std::holds_alternative<Usurped>(outcome)) return stop_as_usurped();
    if (std::holds_alternative<Undecided>(outcome) && !due) {
        return around_.marks.count(Mark::undecided);
    }
    around_.wrong(fmt::format("P14: get of process {} ended with {}", number_, outcome.index()));
}

void Process::tell_change(std::uint32_t number, std::size_t id, const ChangeOutcome& outcome,
                          bool due) {
    History& history = around_.histories[number];
    if (const auto* committed = std::get_if<Committed>(&outcome)) {
        const Cell& cell = *cells_[number];
        const Content seen = content_of(committed->exact ? cell.result() : cell.view());
        known_version_[number] = content(number).version;
        if (committed->exact) {
            history.end(id, Operation::Fate::happened, committed->applied, seen);
            if (seen.version != known_version_[number]) {
                around_.marks.count(Mark::followed);
                history.saw_along(id, content(number));
            }
            if (!committed->applied) around_.marks.count(Mark::unmet_committed);
        } else {  // a later content: it tells that the change happened, and is a read besides
            history.end(id, Operation::Fate::happened, committed->applied);
            history.saw_along(id, seen);
            around_.marks.count(Mark::applied_by_another);
        }
        return;
    }
    if (std::holds_alternative<Undecided>(outcome) && !due) {
        history.end(id, Operation::Fate::never);
        return around_.marks.count(Mark::undecided);
    }
    // In the calm too where a lineage is short, or has been healed: then nobody can tell any more.
    const bool short_lineage = around_.setup.kinds() != DiskKinds::passive;
    if (std::holds_alternative<Unsettled>(outcome) && (!due || short_lineage)) {
        unsettled_[number] = id;
        return;
    }
    if (std::holds_alternative<Usurped>(outcome)) return stop_as_usurped();
    around_.wrong(
        fmt::format("P14: change of process {} ended with {}", number_, outcome.index()));
}

// A disk that was rolled back to before our predecessor's time looks just like an intruder.
void Process::stop_as_usurped() {
    stopped_ = true;
    around_.marks.count(Mark::stopped_as_usurped);
    const bool excused =
        around_.setup.shared_place || !around_.setup.faults.treacherous.empty();
    if (!excused) around_.wrong(fmt::format("process {} met an intruder", number_));
}

void Process::mark_read() {
    const std::uint64_t passes = (looks() - looks_before_ + paths_.size() - 1) / paths_.size();
    if (phases_ > 0) return around_.marks.count(Mark::read_by_identity);
    if (damage_ > 0) return;
    around_.marks.count(passes <= 1 ? Mark::read_one_pass : Mark::read_two_passes);
}

// ---- chance ----

Operation::Kind Process::draw_kind() {
    const Setup& setup = around_.setup;
    const unsigned weights[] = {setup.weight_get, setup.weight_add, setup.weight_swap,
                                setup.weight_propose};
    std::uint64_t draw = sim_.random().below(weights[0] + weights[1] + weights[2] + weights[3]);
    std::uint8_t kind = 0;
    while (draw >= weights[kind]) draw -= weights[kind++];
    return static_cast<Operation::Kind>(kind);
}

Operation Process::draw(std::uint32_t cell, Operation::Kind kind) {
    Operation operation;
    operation.kind = kind;
    operation.process = number_;
    operation.expected = known_version_[cell];
    if (kind == Operation::Kind::add) {
        operation.argument = 1 + sim_.random().below(9);
        if (visitor_) operation.argument = sim_.random().bits(32);  // it tells who it was
    }
    if (kind != Operation::Kind::add) operation.argument = sim_.random().bits(32);
    return operation;
}

Instant Process::draw_deadline(bool due) {
    if (due) return sim_.now() + around_.setup.liveness_bound;
    const bool hurried = sim_.chance(around_.setup.hurried);
    return sim_.now() + (hurried ? sim_.between(microseconds(100), milliseconds(1))
                                 : sim_.between(milliseconds(1), milliseconds(50)));
}

std::uint64_t Process::looks() const {
    std::uint64_t sum = 0;
    for (const SimPath* path : paths_) sum += path->looks();
    return sum;
}

Content Process::content(std::uint32_t cell) const { return content_of(cells_[cell]->view()); }

}  // namespace diskpaxos::sim
