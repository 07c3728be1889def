// Disk, Io, Transfer: a request outlives whoever waits for it, and its buffer lives as long.
#include <gtest/gtest.h>

#include <cerrno>

#include "unit/testbed/memory_disk.hpp"
#include "unit/testbed/test_world.hpp"

namespace diskpaxos {
namespace {

class TransferTest : public testing::Test {
  protected:
    TestWorld world;
    MemoryDisk disk{world.queue, "memory", 512, 16};

    IoPtr write_of(std::uint64_t block, char letter) {
        IoPtr io = disk.prepare(Io::Kind::write, {block, 1}, {});
        std::ranges::fill(io->out.bytes(), static_cast<std::byte>(letter));
        return io;
    }
};

Task<int> transfer(Disk& disk, IoPtr io) {
    io = co_await Transfer(disk, std::move(io));
    co_return io->error;
}

Task<void> transfer_and_forget(Disk& disk, IoPtr io) {
    io = co_await Transfer(disk, std::move(io));
}

TEST_F(TransferTest, CarriesTheAnswerBack) {
    EXPECT_EQ(world.run(transfer(disk, write_of(3, 'a'))), 0);
    EXPECT_EQ(disk.at(3)[511], std::byte{'a'});
    disk.mood = MemoryDisk::Mood::failing;
    EXPECT_EQ(world.run(transfer(disk, write_of(3, 'b'))), EIO);
    EXPECT_EQ(disk.at(3)[0], std::byte{'a'});
}

TEST_F(TransferTest, OfADeadWaiterStillHappens) {
    disk.mood = MemoryDisk::Mood::silent;
    {
        Scope process(world.queue);
        process.spawn(transfer_and_forget(disk, write_of(3, 'a')));
        world.queue.run_all();
        EXPECT_EQ(disk.held(), 1U);
    }
    EXPECT_EQ(disk.at(3)[0], std::byte{0});
    disk.release();  // the dead process's write lands now; under ASan its buffer must still be there
    EXPECT_EQ(disk.at(3)[0], std::byte{'a'});
    EXPECT_TRUE(world.queue.empty());
}

TEST_F(TransferTest, OfAWaiterThatDiesAfterTheAnswerIsRecycled) {
    disk.mood = MemoryDisk::Mood::silent;
    IoPtr io = write_of(3, 'a');
    const Io* address = io.get();
    {
        Scope process(world.queue);
        process.spawn(transfer_and_forget(disk, std::move(io)));
        world.queue.run_all();
        disk.release();  // answered, the waiter is queued, and dies before it runs
    }
    EXPECT_EQ(disk.prepare(Io::Kind::read, {}, {0, 1}).get(), address);
}

TEST_F(TransferTest, RecyclesRequestsAndTheirBuffers) {
    IoPtr io = write_of(3, 'a');
    const Io* address = io.get();
    const std::byte* buffer = io->out.bytes().data();
    io.reset();
    IoPtr again = disk.prepare(Io::Kind::visit, {1, 1}, {0, 4});
    EXPECT_EQ(again.get(), address);
    EXPECT_EQ(again->out.bytes().data(), buffer);
    EXPECT_EQ(again->in.size(), 4 * 512U);
    EXPECT_EQ(again->error, 0);
    EXPECT_FALSE(again->wrote);
}

TEST(Buffer, IsAlignedAndKeepsItsMemoryWhileItSuffices) {
    Buffer buffer(512);
    const std::byte* memory = buffer.bytes().data();
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(memory) % Buffer::alignment, 0U);
    buffer.resize(4096);
    EXPECT_EQ(buffer.bytes().data(), memory);
    EXPECT_EQ(buffer.size(), 4096U);
    buffer.resize(4097);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(buffer.bytes().data()) % Buffer::alignment, 0U);
}

}  // namespace
}  // namespace diskpaxos
