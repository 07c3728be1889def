#include "wire/frame.hpp"

#include <gtest/gtest.h>

#include <functional>

#include "async/random.hpp"
#include "wire/message.hpp"
#include "wire/sample.hpp"
#include "wire/trim.hpp"

namespace diskpaxos::wire {
namespace {

Bytes step_frame() {
    return sample("step");
}

// Seals a frame anew after somebody has changed it.
void reseal(Bytes& bytes) {
    const Bytes body(bytes.begin() + head_size, bytes.end());
    Bytes head(bytes.begin(), bytes.begin() + head_size);
    store<std::uint32_t>(head, 16, 0);
    bytes = head;
    bytes.insert(bytes.end(), body.begin(), body.end());
    end_frame(bytes, 0);
}

TEST(Frame, ComesBackAsItWas) {
    const Bytes bytes = step_frame();
    const auto frame = decode_frame(bytes, 1024);
    ASSERT_TRUE(frame && *frame);
    EXPECT_EQ((*frame)->type, Type::step);
    EXPECT_EQ((*frame)->status, Status::ok);
    EXPECT_EQ((*frame)->id, 4U);
    EXPECT_EQ((*frame)->size(), bytes.size());
}

TEST(Frame, IsNotThereBeforeItsLastByte) {
    const Bytes bytes = step_frame();
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        const auto frame = decode_frame(ByteView(bytes).first(size), 1024);
        ASSERT_TRUE(frame) << size;
        EXPECT_FALSE(*frame) << size;
    }
}

TEST(Frame, NoBitOfItMayChange) {
    const Bytes bytes = step_frame();
    for (std::size_t bit = 0; bit < 8 * bytes.size(); ++bit) {
        Bytes changed = bytes;
        changed[bit / 8] ^= std::byte{1} << (bit % 8);
        const auto frame = decode_frame(changed, bytes.size());
        EXPECT_FALSE(frame && *frame) << bit;  // refused, or waiting for bytes that never come
    }
}

TEST(Frame, IsRefusedForWhatIsWrongWithIt) {
    struct Case {
        std::function<void(Bytes&)> spoil;
        Flaw flaw;
    };
    const std::vector<Case> cases = {
        {[](Bytes& b) { store<std::uint32_t>(b, 0, 1025); }, Flaw::too_long},
        {[](Bytes& b) { store<std::uint32_t>(b, 0, 0xffff'ffff); }, Flaw::too_long},
        {[](Bytes& b) {
             store<std::uint8_t>(b, 4, 0);
             reseal(b);
         },
         Flaw::type},
        {[](Bytes& b) {
             store<std::uint8_t>(b, 4, 9);
             reseal(b);
         },
         Flaw::type},
        {[](Bytes& b) {
             store<std::uint8_t>(b, 5, 13);
             reseal(b);
         },
         Flaw::status},
        {[](Bytes& b) {
             store<std::uint16_t>(b, 6, 1);
             reseal(b);
         },
         Flaw::not_zero},
        {[](Bytes& b) {
             store<std::uint32_t>(b, 20, 1);
             reseal(b);
         },
         Flaw::not_zero},
        {[](Bytes& b) { store<std::uint64_t>(b, 8, 77); }, Flaw::checksum},
        {[](Bytes& b) { b.back() ^= std::byte{1}; }, Flaw::checksum},
    };
    for (std::size_t i = 0; i < cases.size(); ++i) {
        Bytes bytes = step_frame();
        cases[i].spoil(bytes);
        const auto frame = decode_frame(bytes, 1024);
        ASSERT_FALSE(frame) << i;
        EXPECT_EQ(frame.error(), cases[i].flaw) << i << ": " << describe(frame.error());
    }
}

TEST(Frame, TheHeadAloneIsEnoughToRefuse) {
    Bytes bytes = step_frame();
    const auto frame = decode_frame(ByteView(bytes).first(head_size), 16);
    ASSERT_FALSE(frame);
    EXPECT_EQ(frame.error(), Flaw::too_long);
}

TEST(FrameReader, TakesAStreamInAnyPieces) {
    Bytes stream;
    for (const std::string& name : sample_names()) {
        const Bytes one = sample(name);
        stream.insert(stream.end(), one.begin(), one.end());
    }
    SeededRandom random(7);
    for (std::size_t most : {1U, 3U, 24U, 100U, 5000U}) {
        FrameReader reader(1024);
        Bytes seen;
        for (std::size_t at = 0; at < stream.size();) {
            const std::size_t piece = std::min(1 + random.below(most), stream.size() - at);
            reader.feed(ByteView(stream).subspan(at, piece));
            at += piece;
            for (auto frame = reader.next(); frame && *frame; frame = reader.next()) {
                append_frame(seen, **frame);
            }
        }
        EXPECT_EQ(seen, stream) << most;
        EXPECT_EQ(reader.kept(), 0U);
    }
}

TEST(FrameReader, StopsAtTheFirstThatIsWrong) {
    Bytes stream = sample("ping");
    Bytes wrong = sample("watch");
    wrong[30] ^= std::byte{1};
    stream.insert(stream.end(), wrong.begin(), wrong.end());
    FrameReader reader(1024);
    reader.feed(stream);
    const auto first = reader.next();
    ASSERT_TRUE(first && *first);
    EXPECT_EQ((*first)->type, Type::ping);
    const auto second = reader.next();
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error(), Flaw::checksum);
    EXPECT_FALSE(reader.next());  // and does not look beyond it
}

TEST(Trim, LosesNothing) {
    const Bytes sound = sample_block();
    Bytes tail = sound;
    tail.back() = std::byte{1};
    Bytes rotten = sound;
    rotten[60] ^= std::byte{8};
    Bytes long_said = sound;
    store<std::uint16_t>(long_said, 6, 0xffff);
    struct Case {
        Bytes block;
        std::size_t sent;
    };
    for (const Case& c : {Case{sound, 133}, Case{Bytes(512), 128}, Case{tail, 512},
                          Case{rotten, 133}, Case{long_said, 512}, Case{Bytes(4096), 128}}) {
        const ByteView sent = trimmed(c.block);
        EXPECT_EQ(sent.size(), c.sent);
        Bytes back(c.block.size(), std::byte{0xee});
        EXPECT_TRUE(untrim(sent, back));
        EXPECT_EQ(back, c.block);
    }
}

TEST(Trim, NoOtherLengthIsTaken) {
    const Bytes block = sample_block();
    Bytes back(512);
    for (std::size_t size = 0; size < 512; ++size) {
        EXPECT_EQ(untrim(ByteView(block).first(size), back), size == 133) << size;
    }
    EXPECT_FALSE(untrim(Bytes(513), back));
}

}  // namespace
}  // namespace diskpaxos::wire
