// What a real disk does with a request, as disk.hpp promises it.
#include <algorithm>

#include "testbed.hpp"

namespace diskpaxos::io {
namespace {

constexpr std::size_t size = 256 * 1024;

bool all(ByteView bytes, std::byte value) {
    return std::ranges::all_of(bytes, [value](std::byte b) { return b == value; });
}

class DiskTest : public EachBackend {};
INSTANTIATE_TEST_SUITE_P(, DiskTest, testing::ValuesIn(backends()), parameter_name);

TEST_P(DiskTest, ReadsWhatWasWritten) {
    for (const std::uint32_t block_size : {512U, 4096U}) {
        Rig rig(GetParam());
        Disk& disk = rig.add(scratch.file("d", size), block_size);
        EXPECT_EQ(disk.block_size(), block_size);
        EXPECT_EQ(disk.blocks(), size / block_size);

        Answer written;
        rig.write(disk, {3, 2}, std::byte{0xa5}, written);
        EXPECT_EQ(written.error, 0);
        EXPECT_TRUE(written.wrote);
        EXPECT_GT(written.nanoseconds, 0U);

        Answer row;
        rig.read(disk, {2, 4}, row);
        EXPECT_EQ(row.error, 0);
        EXPECT_FALSE(row.wrote);
        const ByteView bytes = row.in;
        ASSERT_EQ(bytes.size(), 4 * block_size);
        EXPECT_TRUE(all(bytes.first(block_size), std::byte{0}));
        EXPECT_TRUE(all(bytes.subspan(block_size, 2 * block_size), std::byte{0xa5}));
        EXPECT_TRUE(all(bytes.last(block_size), std::byte{0}));
    }
}

// "a write and then a read that starts only after the write is durable"
TEST_P(DiskTest, TheReadOfAVisitSeesItsWrite) {
    Rig rig(GetParam());
    Disk& disk = rig.add(scratch.file("d", size));
    for (unsigned round = 1; round <= 50; ++round) {
        Answer visit;
        rig.visit(disk, {7, 1}, {0, 64}, static_cast<std::byte>(round), visit);
        ASSERT_EQ(visit.error, 0);
        ASSERT_TRUE(visit.wrote);
        ASSERT_TRUE(all(ByteView(visit.in).subspan(7 * 512, 512), static_cast<std::byte>(round)));
    }
    EXPECT_EQ(rig.loop->counts().reads, 50U);
    EXPECT_EQ(rig.loop->counts().writes, 50U);
}

// A row that is not all there is no row.
TEST_P(DiskTest, AShortReadIsAnError) {
    Rig rig(GetParam());
    const std::string path = scratch.file("d", size);
    Disk& disk = rig.add(path);
    std::filesystem::resize_file(path, 8 * 512);  // the disk shrinks under us

    Answer visit;
    rig.visit(disk, {0, 1}, {6, 4}, std::byte{1}, visit);
    EXPECT_EQ(visit.error, EIO);
    EXPECT_TRUE(visit.wrote) << "the write itself was done, and the answer must say so";
}

TEST_P(DiskTest, AFailedWriteFailsTheVisitWithTheWritesOwnError) {
    Rig rig(GetParam());
    auto read_only = OpenDisk::open(scratch.file("d", size), Access::read);
    ASSERT_TRUE(read_only.has_value());
    const auto disk = rig.loop->attach(**read_only, 512);

    Answer visit;
    rig.visit(*disk, {0, 1}, {0, 64}, std::byte{1}, visit);
    EXPECT_EQ(visit.error, EBADF) << "not the ECANCELED of the read behind it";
    EXPECT_FALSE(visit.wrote);
}

TEST_P(DiskTest, ManyRequestsAtOnceAreAllAnswered) {
    Rig rig(GetParam());
    Disk& disk = rig.add(scratch.file("d", size));
    std::vector<std::unique_ptr<Answer>> answers;
    for (unsigned i = 0; i < 300; ++i) {
        answers.push_back(std::make_unique<Answer>());
        rig.start(disk, Io::Kind::visit, {i, 1}, {i, 1}, static_cast<std::byte>(i),
                  *answers.back());
    }
    rig.loop->run_until(rig.scope->idle());
    for (unsigned i = 0; i < 300; ++i) {
        EXPECT_EQ(answers[i]->error, 0);
        EXPECT_TRUE(all(answers[i]->in, static_cast<std::byte>(i)));
    }
}

TEST_P(DiskTest, ARequestOutlivesItsWaiter) {
    Rig rig(GetParam());
    Disk& disk = rig.add(scratch.file("d", size));
    {
        Answer never;
        Scope mortal(rig.loop->queue());
        mortal.spawn(carry(disk, Io::Kind::write, {5, 1}, {}, std::byte{9}, never));
        rig.loop->queue().run_all();  // submitted; now its process dies
    }
    Answer row;
    do {
        row.came.reset();
        rig.read(disk, {5, 1}, row);
    } while (!all(row.in, std::byte{9}));
    EXPECT_EQ(row.error, 0);
}

}  // namespace
}  // namespace diskpaxos::io
