#include "disk-agent/store.hpp"

#include <gtest/gtest.h>

#include <cerrno>

#include "agent/life.hpp"
#include "disk-agent/drive.hpp"
#include "disk-agent/journal.hpp"
#include "disk/block.hpp"

namespace diskpaxos::agent {
namespace {

// A store of its own, on a disk that answers when the queue is run.
class StoreTest : public ::testing::Test, public Audience {
  protected:
    void open(Bytes media) {
        store.reset();
        disk.emplace(world.queue, world.random, std::move(media));
        Result<Recovered> recovered = world.run(recover(*disk));
        ASSERT_TRUE(recovered) << recovered.error().sentence;
        store.emplace(world.queue, world.clock, *disk, std::move(*recovered), *this);
    }
    void open_new() { open(created(header)); }
    void reopen() { open(Bytes(disk->media().begin(), disk->media().end())); }

    std::string refusal_of(Bytes media) {
        CrashDisk other(world.queue, world.random, std::move(media));
        const auto recovered = world.run(recover(other));
        return recovered ? "" : recovered.error().sentence;
    }

    Lsn format(std::uint64_t number) {
        return store->write(number, initial_block(header.block_size, number));
    }
    Store::Outcome step(std::uint64_t number, std::uint64_t round) {
        const Rank rank{round, Proposer(7)};
        before.resize(header.block_size);
        return store->step(number, block_at(header.block_size, number, rank), rank, before);
    }
    std::uint64_t round_of(ByteView block) { return load<std::uint64_t>(block, 72); }
    void run() { world.queue.run_all(); }

    void committed(Lsn lsn, std::span<const std::uint64_t> blocks) override {
        last = lsn;
        told.assign(blocks.begin(), blocks.end());
    }
    void failing(int error) override { failure = error; }
    void recovered() override { failure = 0; }
    void not_home(int error) override { home_failure = error; }

    StoreHeader header = small_store(512);
    TestWorld world;
    std::optional<CrashDisk> disk;
    Bytes before;
    Lsn last = 0;
    std::vector<std::uint64_t> told;
    int failure = 0;
    int home_failure = 0;
    std::optional<Store> store;
};

TEST_F(StoreTest, OneWriteServesAllThatCameTogether) {
    open_new();
    for (std::uint64_t number = 0; number < 10; ++number) format(number);
    run();
    const std::uint64_t writes = disk->writes();
    for (std::uint64_t number = 0; number < 10; ++number) {
        for (std::uint64_t round = 1; round < 50; ++round) {
            EXPECT_EQ(step(number, round).verdict, StepVerdict::done);
        }
    }
    run();
    EXPECT_EQ(disk->writes(), writes + 1);
    EXPECT_EQ(told.size(), 10U);  // a block that changed often is written once
    EXPECT_EQ(round_of(store->block(3)), 49U);
}

TEST_F(StoreTest, WhatIsNotDurableIsNeitherShownNorToldOf) {
    open_new();
    format(0);
    run();
    const Store::Outcome first = step(0, 5);
    EXPECT_EQ(first.until, store->durable() + 1);
    EXPECT_EQ(round_of(store->block(0)), 0U);
    EXPECT_EQ(round_of(store->pending(0)), 5U);

    // It changes nothing, but it has seen what is not durable yet.
    const Store::Outcome refused = step(0, 4);
    EXPECT_EQ(refused.verdict, StepVerdict::refused);
    EXPECT_EQ(refused.until, first.until);
    EXPECT_EQ(round_of(before), 5U);

    run();
    EXPECT_EQ(store->durable(), first.until);
    EXPECT_EQ(round_of(store->block(0)), 5U);
    const Store::Outcome later = step(0, 4);
    EXPECT_LE(later.until, store->durable());  // nothing to wait for, and no commit
    const std::uint64_t writes = disk->writes();
    run();
    EXPECT_EQ(disk->writes(), writes);
}

TEST_F(StoreTest, OneBatchIsInFlightWhileTheNextOneGathers) {
    open_new();
    format(0);
    format(1);
    run();
    const Lsn before_all = store->durable();
    EXPECT_EQ(step(0, 1).until, before_all + 1);
    while (disk->in_flight() == 0) world.queue.run_one();
    EXPECT_EQ(step(0, 2).until, before_all + 2);
    EXPECT_EQ(round_of(before), 1U);
    EXPECT_EQ(step(1, 2).until, before_all + 2);
    EXPECT_EQ(step(0, 1).until, before_all + 2);
    run();
    EXPECT_EQ(store->durable(), before_all + 2);
    EXPECT_EQ(round_of(store->block(0)), 2U);
}

TEST_F(StoreTest, AnEndlessLoadGoesRoundTheJournal) {
    open_new();
    format(0);
    for (std::uint64_t round = 1; round < 200; ++round) {
        run();
        step(0, round);
    }
    run();
    EXPECT_GT(store->counts().units, 10 * header.journal_units);
    EXPECT_GT(store->counts().checkpoints, 10U);
    reopen();
    EXPECT_EQ(round_of(store->block(0)), 199U);
}

TEST_F(StoreTest, ClosedItHasEverythingAtHome) {
    open_new();
    format(0);
    step(0, 3);
    EXPECT_TRUE(world.run(store->close()));
    CrashDisk other(world.queue, world.random, Bytes(disk->media().begin(), disk->media().end()));
    const auto recovered = world.run(recover(other));
    ASSERT_TRUE(recovered);
    EXPECT_EQ(recovered->batches, 0U);
    EXPECT_FALSE(recovered->headers_differ);
    EXPECT_EQ(round_of(recovered->images), 3U);
}

TEST_F(StoreTest, AHoleInTheJournalIsRefused) {
    open_new();
    format(0);
    for (std::uint64_t round = 1; round < 5; ++round) {
        run();
        step(0, round);
    }
    run();
    const std::size_t journal = header.journal().first * unit_size;
    for (std::size_t rotten = 0; rotten < 5; ++rotten) {
        Bytes media(disk->media().begin(), disk->media().end());
        media[journal + rotten * unit_size + 40] ^= std::byte{1};
        const std::string refusal = refusal_of(media);
        if (rotten == 4) {
            EXPECT_EQ(refusal, "");  // the last one may not have been finished
        } else {
            EXPECT_NE(refusal.find("its journal is damaged"), std::string::npos) << rotten;
        }
    }
}

TEST_F(StoreTest, OneCopyOfTheHeaderIsEnough) {
    open_new();
    format(0);
    step(0, 3);
    ASSERT_TRUE(world.run(store->close()));
    const Bytes media(disk->media().begin(), disk->media().end());
    for (const std::size_t copy : {std::size_t{0}, media.size() - unit_size}) {
        Bytes spoilt = media;
        spoilt[copy + 100] ^= std::byte{1};
        EXPECT_EQ(refusal_of(spoilt), "");
    }
    Bytes none = media;
    none[100] ^= std::byte{1};
    none[none.size() - unit_size + 100] ^= std::byte{1};
    EXPECT_NE(refusal_of(none).find("damaged"), std::string::npos);
    EXPECT_NE(refusal_of(Bytes(64 * unit_size)).find("there is no store"), std::string::npos);
    Bytes cut_short(media.begin(), media.end() - unit_size);
    EXPECT_NE(refusal_of(cut_short).find("bytes"), std::string::npos);
}

// A home block that rots is shown as it is: its own checksum says so.
TEST_F(StoreTest, ARottenHomeBlockIsServedAsItIs) {
    open_new();
    format(0);
    step(0, 3);
    ASSERT_TRUE(world.run(store->close()));
    Bytes media(disk->media().begin(), disk->media().end());
    media[unit_size + 130] ^= std::byte{1};
    open(media);
    EXPECT_EQ(inspect_checksum(store->block(0)), Damage::checksum);
    EXPECT_EQ(step(0, 9).verdict, StepVerdict::damaged);
    EXPECT_EQ(inspect_checksum(store->block(1)), Damage::blank);
}

TEST_F(StoreTest, WhileTheDiskFailsNothingBecomesDurableAndThenAllDoes) {
    open_new();
    format(0);
    run();
    const Lsn durable = store->durable();
    disk->error = ENOSPC;
    step(0, 3);
    run();
    EXPECT_EQ(failure, ENOSPC);
    EXPECT_TRUE(store->failing());
    EXPECT_EQ(store->durable(), durable);
    EXPECT_EQ(round_of(store->block(0)), 0U);

    disk->error = 0;
    world.clock.advance(Store::pause);
    run();
    EXPECT_EQ(failure, 0);
    EXPECT_FALSE(store->failing());
    EXPECT_EQ(round_of(store->block(0)), 3U);
    reopen();
    EXPECT_EQ(round_of(store->block(0)), 3U);
}

// The journal forgets nothing that a write which failed could still damage.
TEST_F(StoreTest, AfterAFailedWriteTheTailWaits) {
    open_new();
    format(0);
    run();
    disk->error = EIO;
    step(0, 1);
    run();
    disk->error = 0;
    world.clock.advance(Store::pause);
    run();
    ASSERT_FALSE(store->failing());
    for (std::uint64_t round = 2; round < 12; ++round) {
        step(0, round);
        run();
    }
    EXPECT_EQ(store->counts().checkpoints, 0U);
    world.clock.advance(Store::ghost);
    run();
    EXPECT_GT(store->counts().checkpoints, 0U);
}

// Whoever stops the agent does not wait for that: the journal keeps it for the next start.
TEST_F(StoreTest, ClosedSoonAfterAFailedWriteItLeavesTheJournalAsItIs) {
    for (const bool waiting : {false, true}) {  // a checkpoint waits already
        open_new();
        format(0);
        run();
        disk->error = ENOSPC;
        step(0, 1);
        run();
        disk->error = 0;
        world.clock.advance(Store::pause);
        run();
        ASSERT_FALSE(store->failing());
        const std::uint64_t rounds = waiting ? 12 : 3;
        for (std::uint64_t round = 2; round < rounds; ++round) {
            step(0, round);
            run();
        }
        std::optional<bool> clean;
        Scope scope(world.queue);
        scope.spawn(keep(store->close(), clean));
        run();  // no time passes
        ASSERT_TRUE(clean.has_value());
        EXPECT_TRUE(*clean);
        EXPECT_TRUE(store->left_in_journal());
        EXPECT_EQ(store->counts().checkpoints, 0U);
        reopen();
        EXPECT_EQ(round_of(store->block(0)), rounds - 1);
    }
    open_new();
    format(0);
    run();
    disk->error = ENOSPC;
    step(0, 1);
    run();
    disk->error = 0;
    world.clock.advance(Store::ghost + Store::pause);
    run();
    world.clock.advance(Store::ghost);  // long ago
    EXPECT_TRUE(world.run(store->close()));
    EXPECT_FALSE(store->left_in_journal());
}

TEST_F(StoreTest, AFailedCheckpointIsBegunAnew) {
    open_new();
    format(0);
    for (std::uint64_t round = 1; round < 8; ++round) {
        step(0, round);
        run();
    }
    disk->error_beyond_journal = EIO;  // homes and headers
    for (std::uint64_t round = 8; round < 30; ++round) {
        step(0, round);
        run();
    }
    EXPECT_EQ(store->counts().checkpoints, 0U);
    EXPECT_EQ(home_failure, EIO);
    EXPECT_LT(store->durable(), 30U);  // the journal is full, the rest waits
    EXPECT_EQ(failure, EIO);
    EXPECT_TRUE(store->failing());
    disk->error_beyond_journal = 0;
    for (int i = 0; i < 4; ++i) {
        world.clock.advance(Store::ghost);
        run();
    }
    EXPECT_GT(store->counts().checkpoints, 0U);
    EXPECT_FALSE(store->failing());
    EXPECT_EQ(failure, 0);
    EXPECT_EQ(round_of(store->block(0)), 29U);
    reopen();
    EXPECT_EQ(round_of(store->block(0)), 29U);
}

}  // namespace
}  // namespace diskpaxos::agent
