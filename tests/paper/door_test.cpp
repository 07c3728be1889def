// The rules of doors (disk/door.hpp): a block behind a door is written only after the door is
// durably open on that disk, and only who reads it closed may leave out what is behind it.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "unit/testbed/testbed.hpp"

namespace diskpaxos {
namespace {

// Slots 0 | 1 | 2 and 3, each of one block, behind doors 1 and 2: the first two blocks of the row.
class Door : public testing::Test {
  protected:
    static constexpr Geometry shape{
        .block_size = 512, .slots = 4, .ring = 1, .cells = 1, .tier = 1};

    explicit Door(std::size_t disks = 1) : bed(disks, shape) { listen(0); }

    PassiveVisit process(Place own) {
        return PassiveVisit(bed.disk(0), bed.address(0), own, 0, {&bed.clock, Testbed::ghost});
    }
    Own own(std::uint16_t slot, std::uint64_t round) {
        Own own;
        own.me = Proposer::of(slot, 1);
        own.rank = own.promised = own.accepted = Rank{round, own.me};
        own.seq = round;
        own.value = Bytes(1, std::byte{1});
        return own;
    }
    Sight visit(PassiveVisit& process, std::uint16_t slot, std::uint64_t round) {
        const Own mine = own(slot, round);
        return bed.run(process.visit(mine));
    }
    Sight look(PassiveVisit& process) { return bed.run(process.look(nobody)); }

    ByteSpan bytes(std::uint32_t tier) { return bed.disk(0).at(shape.door(0, tier)); }
    DoorState state(std::uint32_t tier) {
        return decode_door(bytes(tier), bed.address(0).door(tier));
    }
    void put(std::uint32_t tier, DoorState state) {
        encode_door(bytes(tier), bed.address(0).door(tier), state);
    }
    void stands(std::uint16_t slot, std::uint64_t round) {
        put(shape.tier_of(slot), DoorState::open);
        bed.put(0, bed.place(slot), own(slot, round).block());
    }

    // What the disk was asked since the last call, in order: "w BLOCK", "r COUNT", "v BLOCK COUNT",
    // numbers of blocks within the row.
    std::string asked() { return std::exchange(asked_, {}); }
    void listen(std::size_t disk) {
        bed.disk(disk).asked = [this](const Io& io) {
            const std::uint64_t to = io.to.first - shape.row(0).first;
            asked_ += asked_.empty() ? "" : ", ";
            if (io.kind == Io::Kind::write) asked_ += fmt::format("w {}", to);
            if (io.kind == Io::Kind::read) asked_ += fmt::format("r {}", io.from.count);
            if (io.kind == Io::Kind::visit) asked_ += fmt::format("v {} {}", to, io.from.count);
            if (hook) hook(io);
        };
    }

    Testbed bed;
    std::function<void(const Io&)> hook;

  private:
    std::string asked_;
};

// ---- who writes ----

TEST_F(Door, IsOpenBeforeTheFirstBlockBehindItIsWritten) {
    PassiveVisit p = process(1);
    DoorState then = DoorState::unknown;
    hook = [&](const Io& io) {
        if (io.kind == Io::Kind::visit) then = state(1);
    };
    EXPECT_TRUE(visit(p, 1, 1).seen());
    EXPECT_EQ(asked(), "w 0, v 3 4");
    EXPECT_EQ(then, DoorState::open);
    EXPECT_EQ(state(2), DoorState::closed) << "that is not on the way";
}

// The answer to the write of the door is waited for: two requests in flight are not ordered.
TEST_F(Door, IsDurableBeforeTheBlockIsSubmitted) {
    PassiveVisit p = process(3);
    bed.disk(0).mood = MemoryDisk::Mood::silent;
    Scope scope(bed.queue);
    const Own mine = own(3, 1);
    const auto go = [](PassiveVisit& who, const Own& what) -> Task<void> {
        (void)co_await who.visit(what);
    };
    scope.spawn(go(p, mine));
    bed.run_for(Testbed::ghost);
    EXPECT_EQ(asked(), "w 1");
    bed.disk(0).release();
    bed.queue.run_all();
    EXPECT_EQ(asked(), "v 5 6");
}

TEST_F(Door, IsOpenedOnceByAProcess) {
    PassiveVisit p = process(1);
    visit(p, 1, 1);
    asked();
    visit(p, 1, 2);
    look(p);
    EXPECT_EQ(asked(), "v 3 4, r 4");
}

TEST_F(Door, IsNotOpenedByWhoHasSeenItOpen) {
    stands(1, 1);
    PassiveVisit p = process(1);
    look(p);
    visit(p, 1, 2);
    EXPECT_EQ(asked(), "r 4, v 3 4");
}

TEST_F(Door, IsOpenedByEachOneWhoHasNot) {
    stands(2, 1);
    PassiveVisit p = process(3);
    visit(p, 3, 1);
    EXPECT_EQ(asked(), "w 1, v 5 6");
    EXPECT_EQ(state(2), DoorState::open);
}

TEST_F(Door, StandsBeforeNobodyInTheFirstTier) {
    PassiveVisit p = process(0);
    EXPECT_TRUE(visit(p, 0, 1).seen());
    EXPECT_EQ(asked(), "v 2 3");
}

TEST_F(Door, ThatCannotBeOpenedKeepsTheDiskFromCounting) {
    PassiveVisit p = process(1);
    bed.disk(0).mood = MemoryDisk::Mood::failing;
    const Sight sight = visit(p, 1, 1);
    EXPECT_EQ(sight.failure.kind, Failure::Kind::io);
    EXPECT_EQ(sight.failure.error, EIO);
    EXPECT_EQ(asked(), "w 0") << "and nothing behind it is written";
    EXPECT_EQ(bed.block(0, 1).state, BlockState::initial);
}

// It says the same whenever it lands: nothing is waited for, as it is after a failed write of a
// block.
TEST_F(Door, MayBeTriedAgainAtOnce) {
    for (const MemoryDisk::Mood mood : {MemoryDisk::Mood::failing, MemoryDisk::Mood::doubtful}) {
        PassiveVisit p = process(1);
        bed.disk(0).mood = mood;
        EXPECT_FALSE(visit(p, 1, 1).seen());
        bed.disk(0).mood = MemoryDisk::Mood::ok;
        asked();
        EXPECT_TRUE(visit(p, 1, 2).seen());
        EXPECT_EQ(asked(), "w 0, v 3 4");
    }
}

// The disk has lost it: others would not see us behind it.
TEST_F(Door, ThatIsClosedBehindUsKeepsTheDiskFromCounting) {
    PassiveVisit p = process(1);
    EXPECT_TRUE(visit(p, 1, 1).seen());
    put(1, DoorState::closed);
    EXPECT_EQ(visit(p, 1, 2).failure.kind, Failure::Kind::rolled_back);
    asked();
    EXPECT_TRUE(visit(p, 1, 3).seen());
    EXPECT_EQ(asked(), "w 0, v 3 4") << "so it is opened again";
}

TEST_F(Door, ThatIsDamagedIsOpenedByWhoComesNew) {
    bytes(1)[200] ^= std::byte{1};
    PassiveVisit p = process(1);
    EXPECT_TRUE(visit(p, 1, 1).seen());
    EXPECT_EQ(state(1), DoorState::open);
}

// ---- who reads ----

TEST_F(Door, ThatIsClosedEndsWhatIsRead) {
    PassiveVisit first = process(0), second = process(1), nowhere = process(no_place);
    EXPECT_TRUE(look(first).seen());
    EXPECT_TRUE(look(second).seen());
    EXPECT_TRUE(look(nowhere).seen());
    EXPECT_TRUE(visit(first, 0, 1).seen());
    EXPECT_EQ(asked(), "r 3, r 4, r 3, v 2 3");
}

TEST_F(Door, ThatIsOpenIsReadBehind) {
    const struct {
        std::uint16_t slot;
        const char* asked;
    } rows[] = {{1, "r 3, r 4"}, {2, "r 3, r 6"}, {3, "r 3, r 6"}};
    std::uint64_t round = 10;
    for (const auto& row : rows) {
        stands(row.slot, ++round);
        PassiveVisit reader = process(0);
        EXPECT_EQ(look(reader).row.accepted, (Rank{round, Proposer::of(row.slot, 1)}));
        EXPECT_EQ(asked(), row.asked);
    }
}

TEST_F(Door, ThatWasSeenOpenIsReadBehindAtOnce) {
    stands(1, 10);
    PassiveVisit p = process(0);
    look(p);
    asked();
    EXPECT_EQ(visit(p, 0, 11).row.highest.round, 11U);
    EXPECT_EQ(asked(), "v 2 4");
}

// Each is looked at whenever a row is read: the next one may have been opened since.
TEST_F(Door, ThatIsOpenedWhileTheRowIsReadAgainIsReadBehindToo) {
    stands(1, 10);
    bed.disk(0).after_read = [&] { stands(2, 20); };
    PassiveVisit p = process(0);
    EXPECT_EQ(look(p).row.highest.round, 20U);
    EXPECT_EQ(asked(), "r 3, r 4, r 6");
}

TEST_F(Door, ThatIsDamagedIsReadBehind) {
    stands(2, 10);
    for (const std::size_t at : {std::size_t{5}, std::size_t{200}}) {
        bytes(2)[at] ^= std::byte{1};
        PassiveVisit p = process(0);
        const Sight sight = look(p);
        EXPECT_TRUE(sight.seen()) << "all that is needed is known";
        EXPECT_EQ(sight.row.highest.round, 10U);
        EXPECT_EQ(asked(), "r 3, r 6");
    }
}

TEST_F(Door, ThatIsOpenBeforeADamagedBlockMakesTheDiskNotCount) {
    stands(1, 10);
    bed.spoil(0, 1);
    PassiveVisit p = process(0);
    EXPECT_EQ(look(p).failure.kind, Failure::Kind::damaged);
}

TEST_F(Door, DoesNotHideAPromise) {
    PassiveVisit before = process(0), behind = process(2);
    visit(behind, 2, 9);
    EXPECT_EQ(visit(before, 0, 5).row.promised.round, 9U);
    EXPECT_EQ(visit(behind, 2, 10).row.promised.round, 5U);
}

// ---- registers ----

class DoorsOfThreeDisks : public Door {
  protected:
    DoorsOfThreeDisks() : Door(3) {}
    static Rank rank(std::uint64_t round, std::uint16_t slot) {
        return {round, Proposer::of(slot, 1)};
    }
};

TEST_F(DoorsOfThreeDisks, AValueFromBehindThemIsFoundByWhoeverReads) {
    auto writer = bed.recovered(3);
    bed.moods("oof");
    const Rank mine = rank(5, 3);
    ASSERT_EQ(bed.run(writer->read(mine, bed.soon())).index(), 0U);
    ASSERT_EQ(bed.run(writer->write(mine, as_bytes("behind"), mine, bed.soon())).index(), 0U);
    bed.heal();
    std::uint64_t round = 10;
    for (const char* moods : {"ooo", "oof", "ofo", "foo"}) {
        for (std::uint16_t slot = 0; slot < 3; ++slot) {
            auto reader = bed.recovered(slot, 7);
            bed.moods(moods);
            const Rank above{++round, reader->me()};
            ASSERT_EQ(bed.run(reader->read(above, bed.soon())).index(), 0U) << moods << slot;
            EXPECT_EQ(as_text(reader->value()), "behind") << moods << slot;
            bed.heal();
        }
    }
}

}  // namespace
}  // namespace diskpaxos
