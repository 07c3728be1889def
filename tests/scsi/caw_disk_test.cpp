// CawDisk: what it makes of the answers of a LUN, and how many commands that takes.
#include "scsi/caw_disk.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <optional>

#include "fake_target.hpp"
#include "register_client.hpp"
#include "unit/testbed/test_world.hpp"

namespace diskpaxos::scsi {
namespace {

using namespace std::chrono_literals;
using Counts = FakeTarget::Counts;

constexpr std::uint64_t here = 9;
constexpr std::uint32_t size = 512;

class CawDiskTest : public testing::Test, protected TestWorld {
  protected:
    CawDiskTest() { target.put(here, RegisterClient::initial(here, size)); }

    std::unique_ptr<CawDisk> attach(const char* name, Duration patience = 1s) {
        return std::make_unique<CawDisk>(world, std::make_unique<FakeLun>(target, name), patience);
    }
    Counts take_counts() { return std::exchange(target.counts, {}); }
    Decoded found() const {
        return decode_block(target.at(here), RegisterClient::address_of(here));
    }

    // Somebody else steps, behind everybody's back and at once.
    void strike(Rank rank, std::string_view value, std::uint64_t who = 99) {
        Block block = found().block;
        const bool writes = !value.empty();
        const Bytes old(block.value.begin(), block.value.end());
        block.incarnation = Proposer(who);
        ++block.seq;
        block.promised = rank;
        if (writes) block.accepted = rank;
        block.value = writes ? as_bytes(value) : ByteView(old);
        Bytes image(size);
        encode_block(image, RegisterClient::address_of(here), block);
        target.put(here, image);
    }

    FakeTarget target{world, size, 64};
    std::unique_ptr<CawDisk> disk = attach("here");
    RegisterClient me{*disk, here, 1};
};

TEST_F(CawDiskTest, IsWhatTheLunIs) {
    EXPECT_TRUE(disk->active());
    EXPECT_EQ(disk->name(), "here");
    EXPECT_EQ(disk->block_size(), size);
    EXPECT_EQ(disk->blocks(), 64U);
}

TEST_F(CawDiskTest, AColdStepIsTwoCommandsAndALoneOneIsOne) {
    const auto promised = run(me.read(me.rank(1)));
    EXPECT_TRUE(promised.done());
    EXPECT_TRUE(promised.promised.none());
    EXPECT_EQ(take_counts(), (Counts{.reads = 1, .compares = 1}));

    const auto written = run(me.write(me.rank(1), "v"));
    EXPECT_TRUE(written.done());
    EXPECT_EQ(written.promised, me.rank(1)) << "the image before";
    EXPECT_EQ(take_counts(), (Counts{.compares = 1}));

    for (std::uint64_t round = 2; round < 10; ++round) {
        const auto next = run(me.write(me.rank(round), "w"));
        EXPECT_TRUE(next.done());
        EXPECT_EQ(next.accepted, me.rank(round - 1));
        EXPECT_EQ(take_counts(), (Counts{.compares = 1}));
    }
    EXPECT_EQ(found().block.accepted, me.rank(9));
}

TEST_F(CawDiskTest, RefusedByAReadNeverByAGuess) {
    strike(me.rank(5), "other");
    const auto refused = run(me.read(me.rank(3)));
    EXPECT_EQ(refused.verdict, StepVerdict::refused);
    EXPECT_EQ(refused.promised, me.rank(5));
    EXPECT_EQ(refused.value, "other");
    EXPECT_EQ(take_counts(), (Counts{.reads = 1}));

    // The guess is right by now, and says the same; it is not believed.
    const auto once_more = run(me.read(me.rank(4)));
    EXPECT_EQ(once_more.verdict, StepVerdict::refused);
    EXPECT_EQ(take_counts(), (Counts{.reads = 1}));

    // What the read has shown serves the next try.
    EXPECT_TRUE(run(me.read(me.rank(6))).done());
    EXPECT_EQ(take_counts(), (Counts{.compares = 1}));
}

TEST_F(CawDiskTest, ConflictAndDamageAreAnswered) {
    strike(me.rank(5), "theirs");
    EXPECT_EQ(run(me.write(me.rank(5), "mine")).verdict, StepVerdict::conflict);
    Bytes spoilt(target.at(here).begin(), target.at(here).end());
    spoilt[130] ^= std::byte{1};
    target.put(here, spoilt);
    EXPECT_EQ(run(me.write(me.rank(6), "mine")).verdict, StepVerdict::damaged);
    EXPECT_TRUE(std::ranges::equal(target.at(here), spoilt)) << "unknown is never overwritten";
}

TEST_F(CawDiskTest, AMissIsLookedAtAndComputedAnew) {
    EXPECT_TRUE(run(me.read(me.rank(1))).done());
    take_counts();
    target.before_compare = [this] { strike(Rank{1, Proposer(2)}, ""); };
    const auto refused = run(me.write(me.rank(1), "v"));
    EXPECT_EQ(refused.verdict, StepVerdict::refused) << "another has a higher rank now";
    EXPECT_TRUE(found().block.accepted.none());
    EXPECT_EQ(take_counts(), (Counts{.reads = 1, .compares = 1}));

    target.before_compare = [this] { strike(Rank{2, Proposer(2)}, "theirs"); };
    const auto done = run(me.read(me.rank(3)));
    EXPECT_TRUE(done.done());
    EXPECT_EQ(done.value, "theirs") << "the image that was really replaced";
    EXPECT_EQ(found().block.promised, me.rank(3));
    EXPECT_EQ(disk->counts().misses, 2U);
}

// The lesson of false "ATS miscompares": the one who came between may be oneself.
TEST_F(CawDiskTest, AMissByOnesOwnLateWriteIsDone) {
    for (const Fate fate : {Fate::lost_answer, Fate::twice}) {
        const std::uint64_t round = static_cast<std::uint64_t>(fate) + 1;
        EXPECT_TRUE(run(me.read(me.rank(round))).done());
        target.script = {fate};
        const auto written = run(me.write(me.rank(round), "v"));
        if (written.error != 0) {  // we gave up waiting, and ask again
            EXPECT_EQ(written.error, ETIMEDOUT);
            EXPECT_TRUE(run(me.again()).done());
        } else {
            EXPECT_TRUE(written.done());
        }
        EXPECT_EQ(found().block.accepted, me.rank(round));
        EXPECT_EQ(found().block.value.size(), 1U);
    }
}

TEST_F(CawDiskTest, ALateWriteDoesNotUndoWhatCameAfterIt) {
    const auto other_disk = attach("there");
    RegisterClient other(*other_disk, here, 2);
    EXPECT_TRUE(run(me.read(me.rank(1))).done());
    target.script = {Fate::late, Fate::lost, Fate::lost, Fate::lost,
                     Fate::lost, Fate::lost, Fate::lost};
    const auto lost = run(me.write(me.rank(1), "late"));
    EXPECT_NE(lost.error, 0);
    target.script.clear();
    EXPECT_TRUE(run(other.read(other.rank(2))).done());
    EXPECT_TRUE(run(other.write(other.rank(2), "after")).done());
    clock.advance(1s);
    queue.run_all();
    EXPECT_EQ(as_text(found().block.value), "after");
}

// A read may show what a power cut would still take away; `done` may not.
TEST_F(CawDiskTest, DoneIsDurableEvenIfItWasFoundDone) {
    EXPECT_TRUE(run(me.read(me.rank(1))).done());
    target.script = {Fate::lost_answer};
    auto written = run(me.write(me.rank(1), "v"));
    take_counts();
    if (!written.done()) written = run(me.again());
    EXPECT_TRUE(written.done());
    target.cut_power();
    EXPECT_EQ(found().block.accepted, me.rank(1));
}

TEST_F(CawDiskTest, ARepeatedRequestIsDoneByOneCommandThatSealsIt) {
    EXPECT_TRUE(run(me.write(me.rank(1), "v")).done());
    take_counts();
    EXPECT_TRUE(run(me.again()).done());
    EXPECT_EQ(take_counts(), (Counts{.compares = 1}));
    EXPECT_EQ(target.history(here).size(), 3U) << "written once more, the same";
}

TEST_F(CawDiskTest, WhatCannotBeExecutedNowIsTriedAgainAFewTimes) {
    target.script = {Fate::busy, Fate::busy, Fate::prompt, Fate::busy};
    EXPECT_TRUE(run(me.read(me.rank(1))).done());
    take_counts();
    target.fate = [] { return Fate::busy; };
    const auto busy = run(me.read(me.rank(2)));
    EXPECT_EQ(busy.error, EBUSY);
    EXPECT_LT(target.counts.compares + target.counts.reads, 10U);
    target.fate = [] { return Fate::refused; };
    take_counts();
    EXPECT_EQ(run(me.read(me.rank(3))).error, EBADE);
    EXPECT_EQ(take_counts(), (Counts{.reads = 1})) << "a refusal is not argued with";
}

TEST_F(CawDiskTest, SilenceIsAnErrorAndNotANo) {
    const auto impatient = attach("impatient", 10ms);
    RegisterClient client(*impatient, here, 3);
    target.script = {Fate::prompt, Fate::lost_answer};
    const auto silent = run(client.read(client.rank(1)));
    EXPECT_NE(silent.error, 0);
    EXPECT_EQ(found().block.promised, client.rank(1)) << "it was executed";
    EXPECT_TRUE(run(client.again()).done());
}

TEST_F(CawDiskTest, AStormOfMissesEnds) {
    std::uint64_t round = 1;
    target.fate = [&] {
        target.before_compare = [&] { strike(Rank{++round, Proposer(7)}, ""); };
        return Fate::prompt;
    };
    const auto given_up = run(me.read(me.rank(1'000)));
    EXPECT_EQ(given_up.error, EAGAIN);
    EXPECT_GT(disk->counts().misses, 10U);
    EXPECT_LT(disk->counts().misses, 100U);
}

TEST_F(CawDiskTest, AGuessThatMissedIsNotTriedUntilNobodyComesBetween) {
    EXPECT_TRUE(run(me.read(me.rank(1))).done());
    strike(Rank{2, Proposer(2)}, "");
    EXPECT_TRUE(run(me.read(me.rank(3))).done());
    take_counts();
    strike(Rank{4, Proposer(2)}, "");
    EXPECT_TRUE(run(me.read(me.rank(5))).done());
    EXPECT_EQ(take_counts(), (Counts{.reads = 1, .compares = 1})) << "no guess";
    EXPECT_TRUE(run(me.read(me.rank(6))).done());
    EXPECT_EQ(take_counts(), (Counts{.reads = 1, .compares = 1})) << "nobody came between";
    EXPECT_TRUE(run(me.read(me.rank(7))).done());
    EXPECT_EQ(take_counts(), (Counts{.compares = 1})) << "so it is tried again";
}

TEST_F(CawDiskTest, ReadsWritesAndVisitsAreOrdinary) {
    EXPECT_TRUE(run(me.read(me.rank(1))).done());
    IoPtr io = disk->prepare(Io::Kind::visit, {20, 1}, {18, 4});
    std::ranges::fill(io->out.bytes(), std::byte{7});
    struct Carried {
        static Task<int> run(Disk& disk, IoPtr io, Bytes& in) {
            io = co_await Transfer(disk, std::move(io));
            in.assign(io->in.bytes().begin(), io->in.bytes().end());
            co_return io->wrote ? io->error : -1;
        }
    };
    Bytes in;
    EXPECT_EQ(run(Carried::run(*disk, std::move(io), in)), 0);
    EXPECT_EQ(in[2 * size], std::byte{7});
    EXPECT_EQ(in[3 * size], std::byte{0});

    // A write past the step makes all guesses worthless.
    take_counts();
    io = disk->prepare(Io::Kind::write, {here, 1}, {});
    std::ranges::copy(RegisterClient::initial(here, size), io->out.bytes().begin());
    EXPECT_EQ(run(Carried::run(*disk, std::move(io), in)), 0);
    EXPECT_TRUE(run(me.write(me.rank(1), "v")).done());
    EXPECT_EQ(take_counts(), (Counts{.reads = 1, .writes = 1, .compares = 1}));
}

TEST_F(CawDiskTest, AWriteOfUnknownOutcomeIsNotSentAgain) {
    target.script = {Fate::lost};
    IoPtr io = disk->prepare(Io::Kind::write, {20, 1}, {});
    struct Carried {
        static Task<bool> run(Disk& disk, IoPtr io) {
            io = co_await Transfer(disk, std::move(io));
            co_return io->error != 0 && !io->wrote;
        }
    };
    EXPECT_TRUE(run(Carried::run(*disk, std::move(io))));
    EXPECT_EQ(take_counts(), (Counts{.writes = 1}));
}

TEST_F(CawDiskTest, AWatchIsAnsweredWhenTheRegisterHasAcceptedMore) {
    strike(me.rank(1), "one");
    EXPECT_EQ(run(me.look(Io::Kind::watch, Rank())).value, "one");
    EXPECT_EQ(take_counts(), (Counts{.reads = 1}));

    std::optional<RegisterClient::Answer> seen;
    struct Watcher {
        static Task<void> run(RegisterClient& me, std::optional<RegisterClient::Answer>& seen) {
            seen = co_await me.look(Io::Kind::watch, me.rank(1));
        }
    };
    Scope scope(queue);
    scope.spawn(Watcher::run(me, seen));
    queue.run_all();
    for (int i = 0; i < 3; ++i) {
        clock.advance_to_next();
        queue.run_all();
    }
    EXPECT_FALSE(seen.has_value());
    strike(me.rank(2), "two");
    while (!seen) {
        clock.advance_to_next();
        queue.run_all();
    }
    EXPECT_EQ(seen->value, "two");
    EXPECT_LE(target.counts.reads, 8U);
    EXPECT_LT(clock.now() - Instant(), 2s);

    // Not for ever: the waiter asks again if he likes.
    const auto still_two = run(me.look(Io::Kind::watch, me.rank(2)));
    EXPECT_EQ(still_two.value, "two");
    EXPECT_LT(clock.now() - Instant(), 60s);
}

TEST_F(CawDiskTest, WhoDiesLeavesItsStepBehindAndTheDiskMayDieFirst) {
    struct Mortal {
        static Task<void> run(RegisterClient& client) {
            co_await client.write(client.rank(1), "v");
        }
    };
    {
        Scope mortal(queue);
        mortal.spawn(Mortal::run(me));
        for (int i = 0; i < 3; ++i) queue.run_one();
    }
    while (!clock.idle()) clock.advance_to_next(), queue.run_all();
    queue.run_all();
    EXPECT_EQ(found().block.accepted, me.rank(1));

    target.fate = [] { return Fate::late; };
    {
        Scope mortal(queue);
        mortal.spawn(Mortal::run(me));
        queue.run_all();
    }
    disk.reset();  // in the middle of it
    while (!clock.idle()) clock.advance_to_next(), queue.run_all();
}

}  // namespace
}  // namespace diskpaxos::scsi
