// An hour of a stranger who promises the highest ranks that agents let him have, beside a client that
// works (docs/protocol.md, ceiling-C1, C3, C5): the same for the tests of the rules and of the mutants.
#pragma once

#include <array>
#include <memory>
#include <vector>

#include "async/scope.hpp"
#include "consensus/cell.hpp"
#include "register/active_visit.hpp"
#include "sim/link.hpp"

namespace diskpaxos::sim {

struct Hour {
    using Skews = std::array<std::int64_t, 3>;  // of the agents' clocks, in seconds
    Skews skews{};
    std::vector<std::array<bool, 3>> hits;  // whom he asks, one after the other; none: he is not there
    bool third_gone = false;                // agent 2 does not answer
    std::array<Duration, 3> ways{microseconds(50), microseconds(50), microseconds(50)};  // one way
    Duration length = std::chrono::hours(1);
};

struct Deeds {
    std::uint64_t done = 0;    // changes
    std::uint64_t failed = 0;  // not known, or not done in time
    std::uint64_t steps = 0;   // of the client, at all agents
    std::uint64_t hits = 0;    // of the stranger, that were let in
    std::uint64_t highest = 0;
    bool broken = false;       // a change was lost, or two were one
};

inline constexpr std::int64_t to_2099 = std::int64_t{73} * 365 * 86'400;

// The agent of 2099 refuses whom it is left out by before the slower of the two others answers; and
// the way from these up to it has no end. So long that a change may come to its deadline.
inline Hour beside_a_slow_agent(bool loud) {
    Hour hour{.skews = {to_2099, 0, 0}, .hits = {}, .length = std::chrono::seconds(6)};
    if (loud) hour.hits = {{true, false, false}};
    hour.ways = {milliseconds(2), milliseconds(3), milliseconds(1)};
    return hour;
}

// One virtual world. Every other minute the client works for a fifth of a second, without a pause.
class HourlyPlay final : public Watch, public Trace {
  public:
    explicit HourlyPlay(const Hour& hour) : hour_(hour), world_(2026) {
        for (std::size_t disk = 0; disk < 3; ++disk) {
            Faults& faults = faults_[disk];
            faults.on = false;
            faults.quickest = faults.slowest = hour.ways[disk];  // a connection keeps the order
            platters_.push_back(std::make_unique<Platter>(disk, shape_));
            agents_.push_back(std::make_unique<SimAgent>(world_, *platters_[disk], faults, *this));
            agents_[disk]->ceiling = [this, disk] { return ceiling(formatted, clock(disk)); };
            ours_.push_back(std::make_unique<SimLink>(world_, *agents_[disk], faults, *this));
            his_.push_back(std::make_unique<SimLink>(world_, *agents_[disk], faults, *this));
        }
        if (hour.third_gone) platters_[2]->gone_until = Instant::max();
        world_.enter(client_);
        world_.enter(stranger_);
    }

    Deeds run() {
        Scope working(client_.queue);
        Scope attacking(stranger_.queue);
        working.spawn(work());
        if (!hour_.hits.empty()) attacking.spawn(attack());
        world_.run(Instant() + hour_.length);
        for (const auto& platter : platters_) {
            const std::uint64_t block = shape_.block(0, 0);
            deeds_.highest = std::max(deeds_.highest, platter->decode(block).block.promised.round);
        }
        return deeds_;
    }

  private:
    static constexpr std::uint64_t formatted = 1'795'000'000'000;

    std::uint64_t clock(std::size_t disk) const {
        const auto now = std::chrono::duration_cast<milliseconds>(world_.now() - Instant());
        return static_cast<std::uint64_t>(static_cast<std::int64_t>(formatted) + now.count() +
                                          1000 * hour_.skews[disk]);
    }
    std::unique_ptr<Cell> new_cell(World& world) {
        std::vector<std::unique_ptr<Visit>> visits;
        for (const auto& link : ours_) {
            visits.push_back(std::make_unique<ActiveVisit>(*link, link->platter().row(0)));
        }
        const Proposer me = Proposer::of(1, world_.random().bits(48));
        auto reg = std::make_unique<Register>(world, rule_, 0, me, milliseconds(1), std::move(visits));
        return std::make_unique<Cell>(world, format_, std::move(reg), pace_);
    }

    // Each time a new process, which finds what the one before it has left.
    Task<void> work() {
        World world{client_.queue, world_.clock(), world_.random(), *this};
        for (;;) {
            const auto cell = new_cell(world);
            const Instant end = world_.now() + milliseconds(200);
            while (world_.now() < end) {
                const ChangeFn add = [](const CellView& base, Draft& draft) {
                    draft.state = CellState::set;
                    draft.value.resize(8);
                    store<std::uint64_t>(draft.value, 0, counter(base) + 1);
                    return Verdict::write;
                };
                auto changing = cell->change(add, world_.now() + std::chrono::seconds(5));
                const ChangeOutcome outcome = co_await changing;
                note(outcome, *cell);
            }
            co_await cell->idle().wait();
            co_await world_.clock().sleep_until(end + std::chrono::seconds(120));
        }
    }
    static std::uint64_t counter(const CellView& view) {
        return view.value.empty() ? 0 : load<std::uint64_t>(view.value, 0);
    }
    void note(const ChangeOutcome& outcome, const Cell& cell) {
        if (!std::holds_alternative<Committed>(outcome)) {
            ++deeds_.failed;
            return;
        }
        ++deeds_.done;
        const std::uint64_t now = counter(cell.view());
        const bool right = now > counted_ && now <= deeds_.done + deeds_.failed;
        if (!right) deeds_.broken = true;
        counted_ = now;
    }

    // The highest that he is told he may have, each time.
    Task<void> attack() {
        for (std::size_t turn = 0;; ++turn) {
            const auto& whom = hour_.hits[turn % hour_.hits.size()];
            for (std::size_t disk = 0; disk < 3; ++disk) {
                if (!whom[disk]) continue;
                auto first = ask(disk, last_promise);
                const std::uint64_t limit = co_await first;
                auto second = ask(disk, limit);
                const std::uint64_t got = co_await second;
                if (got == 0) ++deeds_.hits;
            }
            co_await world_.clock().sleep(milliseconds(50));
        }
    }
    // The limit that was told; 0 if it was let in, or no answer came.
    Task<std::uint64_t> ask(std::size_t disk, std::uint64_t round) {
        if (round == 0) co_return 0;
        SimLink& link = *his_[disk];
        const Extent block = shape_.row(0);
        IoPtr io = link.prepare(Io::Kind::step, block, block);
        io->rank = {round, him_};
        encode_block(io->out.bytes(), platters_[disk]->row(0).block(0),
                     {.incarnation = him_, .seq = ++his_seq_, .promised = io->rank, .accepted = {},
                      .committed = {}, .value = {}});
        io = co_await Transfer(link, std::move(io));
        co_return io->error == 0 && io->verdict == StepVerdict::above ? io->limit : 0;
    }

    void landed(const SimPath&, Platter&, std::uint64_t, Landing) override {}
    void overlapped(const SimPath&, std::uint64_t) override {}
    void executed(const SimPath& path, std::uint32_t, const Block&) override {
        for (const auto& link : ours_) deeds_.steps += link.get() == &path ? 1U : 0U;
    }
    void step(const Step&) override {}

    const Hour hour_;
    const Geometry shape_{.block_size = 512, .slots = 2, .ring = 1, .cells = 1, .active = true};
    const Threshold rule_ = Threshold::majority(3);
    const RecordFormat format_{shape_, DiskKinds::active};
    SimWorld world_;
    std::array<Faults, 3> faults_;
    std::vector<std::unique_ptr<Platter>> platters_;
    std::vector<std::unique_ptr<SimAgent>> agents_;
    std::vector<std::unique_ptr<SimLink>> ours_;
    std::vector<std::unique_ptr<SimLink>> his_;
    Pace pace_{microseconds(500)};
    Proposer him_ = Proposer::of(60'000, 4711);
    std::uint64_t his_seq_ = 0;
    std::uint64_t counted_ = 0;
    Deeds deeds_;
    Strand client_;
    Strand stranger_;
};

}  // namespace diskpaxos::sim
