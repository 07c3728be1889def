// A register of three disks, the last of which is absent at first (docs/protocol.md, "A disk that was
// absent").
#pragma once

#include "unit/testbed/testbed.hpp"

namespace diskpaxos {

class Late : public Testbed {
  public:
    static constexpr std::uint16_t p = 0, q = 1;
    static constexpr std::size_t late = 2;

    explicit Late(DiskSet active = {}) : Testbed(3, small, active) {}

    static Rank rank(std::uint64_t round, std::uint16_t slot) { return {round, Proposer::of(slot, 1)}; }

    std::unique_ptr<Visit> visit(std::size_t number) {
        if (disk(number).active()) {
            return std::make_unique<ActiveVisit>(disk(number), address(number));
        }
        return std::make_unique<PassiveVisit>(disk(number), address(number), place(p), 0,
                                              Quarantine{&clock, ghost});
    }

    std::unique_ptr<Register> without_it() {
        std::vector<std::unique_ptr<Visit>> visits;
        visits.push_back(visit(0));
        visits.push_back(visit(1));
        visits.push_back(std::make_unique<Nothing>(disk(late).active()));
        return std::make_unique<Register>(world, rule, 0, Proposer::of(p, 1), patience,
                                          std::move(visits));
    }
    std::unique_ptr<Register> recovered_without_it() {
        auto reg = without_it();
        CHECK(std::holds_alternative<Certainty>(run(reg->recover(soon()))));
        return reg;
    }

    // late-L1: disk 1 is silent, so the phase needs one disk more when the third comes.
    bool a_phase_ends_with_the_disks_that_it_began_with() {
        auto reg = recovered_without_it();
        moods("o.o");
        disk(0).asked = [&](const Io&) {
            disk(0).asked = {};
            reg->admit(late, visit(late));
        };
        const ReadOutcome read = run(reg->read(rank(3, p), soon()));
        const bool alone = std::holds_alternative<Unavailable>(read) &&
                           !reg->tally().counted().contains(late) && disk(late).counts.visits == 0;
        const ReadOutcome next = run(reg->read(rank(5, p), soon()));
        return alone && std::holds_alternative<Found>(next) && reg->tally().counted().contains(late);
    }

  private:
    class Nothing final : public Visit {
      public:
        explicit Nothing(bool active) : active_(active) {}
        Task<Sight> visit(const Own&) override { co_return closed(); }
        Task<Sight> look(Proposer) override { co_return closed(); }
        bool open() const override { return false; }
        bool judges() const override { return active_; }
        std::string_view name() const override { return "absent"; }

      private:
        static Sight closed() { return Sight(Failure{Failure::Kind::closed, 0, Damage::none}); }
        bool active_;
    };

    Threshold rule = Threshold::majority(3);
};

}  // namespace diskpaxos
