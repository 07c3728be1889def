// Changes whose outcome is in doubt, where nobody has a slot: the same for the tests of the rules and
// of the mutants.
#pragma once

#include "disk/step.hpp"
#include "paper_test.hpp"

namespace diskpaxos {

class InTheLineage : public PaperTest {
  protected:
    InTheLineage() : PaperTest(DiskSet::first(3)) {}

    static constexpr std::size_t length = 15;

    std::unique_ptr<Cell> mine = bed.cell_of(p);
    std::unique_ptr<Cell> theirs = bed.cell_of(q);

    static Verdict append_x(const CellView& base, Draft& draft) {
        draft.state = CellState::set;
        draft.value.assign(base.value.begin(), base.value.end());
        draft.value.push_back(static_cast<std::byte>('x'));
        return Verdict::write;
    }
    ChangeOutcome change(Cell& cell) { return bed.run(cell.change(append_x, bed.soon())); }
    // A change of ours of which nobody can tell, but that has happened on one disk.
    void lose_the_answer() {
        ASSERT_TRUE(std::holds_alternative<Committed>(change(*mine)));
        bed.moods("dff");
        ASSERT_TRUE(std::holds_alternative<Unsettled>(change(*mine)));
        bed.heal();
    }
    void others_change(std::size_t times) {
        for (std::size_t n = 0; n < times; ++n) {
            ASSERT_TRUE(std::holds_alternative<Committed>(change(*theirs)));
        }
    }
    void so_many_others_change(std::size_t many) {
        for (std::size_t n = 0; n < many; ++n) {
            const auto one = bed.cell_of(q, 100 + n);
            ASSERT_TRUE(std::holds_alternative<Committed>(change(*one)));
        }
    }
    static Verdict append_m(const CellView& base, Draft& draft) {
        draft.state = CellState::set;
        draft.value.assign(base.value.begin(), base.value.end());
        draft.value.push_back(static_cast<std::byte>('m'));
        return Verdict::write;
    }
    // Begins a change of ours; its outcome is in `mine_ended` when it is over.
    Task<void> append_ours(Repeat repeat) {
        const ChangeFn f = append_m;
        const ChangeOutcome outcome = co_await mine->change(f, bed.soon(), repeat);
        mine_ended = outcome;
    }
    void begin(Scope& scope, Repeat repeat = Repeat::never) {
        scope.spawn(append_ours(repeat));
        bed.queue.run_all();
        ASSERT_FALSE(mine_ended);
    }
    Committed ended() {
        for (bed.queue.run_all(); !mine_ended; bed.queue.run_all()) bed.clock.advance_to_next();
        const auto* committed = std::get_if<Committed>(&*mine_ended);
        EXPECT_NE(committed, nullptr) << "alternative " << mine_ended->index();
        return committed != nullptr ? *committed : Committed{};
    }
    // Our write is accepted on disk 0; before it comes to the others, somebody has promised more
    // there.
    void be_overtaken_at_the_others() {
        bed.disk(1).asked = [this](const Io& io) {
            if (io.kind != Io::Kind::step) return;
            bed.disk(1).asked = nullptr;
            for (std::size_t disk = 1; disk < 3; ++disk) bed.promise(disk, 0, rank(50, q));
        };
    }
    std::optional<ChangeOutcome> mine_ended;
    Applied resolved() {
        const ResolveOutcome outcome = bed.run(mine->resolve(bed.soon()));
        return std::get<Applied>(outcome);
    }

    // Two attempts, on different bases; others take up the first one. Its draft is the result, not the
    // second one's. What is told: the text that our change has made.
    std::string told_of_two_attempts() {
        mine = bed.cell_of(r);
        EXPECT_TRUE(std::holds_alternative<Committed>(change(*mine)));
        bed.queue.run_all();
        const Block before = bed.block(1, 0).block;
        Scope scope(bed.queue);
        bed.moods("dff");
        begin(scope);  // the first attempt, on disk 0
        const Rank lower =
            rank(before.accepted.round + 1, q);  // and somebody else's below it, on disk 2
        const Bytes base(before.value.begin(), before.value.end());
        Bytes record;
        bed.format().succeed(record, base, before.accepted.round,
                             {2, CellState::set, "", as_bytes("xq")}, lower);
        stands(2, q, lower, lower, as_text(record));
        bed.moods("foo");
        int steps = 0;
        bed.disk(1).asked = [&](const Io& io) {
            steps += io.kind == Io::Kind::step;
            if (steps == 2) bed.moods("fff");  // the second attempt's write comes nowhere
        };
        while (steps < 2) {
            bed.clock.advance_to_next();
            bed.queue.run_all();
        }
        bed.disk(1).asked = nullptr;
        bed.moods("oof");
        others_change(1);
        bed.moods("ooo");
        const Committed told = ended();
        EXPECT_TRUE(told.applied && told.exact);
        return std::string(as_text(mine->result().value));
    }

    // The first attempt stands on one disk; a second one carries it on, and is refused everywhere. That
    // says nothing of the first.
    std::string told_of_a_carried_attempt() {
        EXPECT_TRUE(std::holds_alternative<Committed>(change(*mine)));
        Scope scope(bed.queue);
        be_overtaken_at_the_others();
        begin(scope);
        int steps = 0;
        bed.disk(0).asked = [&](const Io& io) {
            if (io.kind != Io::Kind::step || ++steps != 2) return;  // a read, and then this write
            for (std::size_t disk = 0; disk < 3; ++disk) bed.promise(disk, 0, rank(90, q));
        };
        const Committed told = ended();
        EXPECT_GT(steps, 2);
        EXPECT_TRUE(told.applied);
        return std::string(as_text(mine->result().value));
    }

    // Two disks have refused it, and the third has a ceiling. When that has risen, the same step comes
    // there once more.
    std::string told_of_a_barred_attempt() {
        EXPECT_TRUE(std::holds_alternative<Committed>(change(*theirs)));
        bed.queue.run_all();
        bed.disk(2).ceiling = 1000;
        be_promised_at_the_first_two(rank(1990, q));
        int steps = 0;
        bed.disk(0).asked = [&](const Io& io) {
            if (io.kind == Io::Kind::step && ++steps == 2) be_promised_at_the_first_two(rank(3000, q));
        };
        Bytes request;
        Rank at;
        bed.disk(2).asked = [&](const Io& io) {
            if (io.kind != Io::Kind::step || steps != 2) return;
            const ByteView out = io.out.bytes();
            request.assign(out.begin(), out.end());
            at = io.rank;
        };
        Scope scope(bed.queue);
        begin(scope);
        bed.disk(0).asked = bed.disk(2).asked = nullptr;
        bed.disk(2).ceiling = no_ceiling;
        const Bytes before(bed.bytes(2, 0).begin(), bed.bytes(2, 0).end());
        EXPECT_EQ(step(before, request, at, bed.bytes(2, 0)).verdict, StepVerdict::done);
        bed.moods("foo");
        EXPECT_TRUE(ended().applied);
        return std::string(as_text(mine->result().value));
    }
    void be_promised_at_the_first_two(Rank promised) {
        for (std::size_t disk = 0; disk < 2; ++disk) bed.promise(disk, 0, promised);
    }
};

}  // namespace diskpaxos
