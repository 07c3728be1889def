#include "wire/message.hpp"

#include <gtest/gtest.h>

#include "wire/sample.hpp"

namespace diskpaxos::wire {
namespace {

Bytes body_of_sample(std::string_view name) {
    const Bytes frame = sample(name);
    return Bytes(frame.begin() + head_size, frame.end());
}

const Proposer me = Proposer::of(2, 0xabcdef);

// An older side sends, and expects, none of what a feature adds.
TEST(Message, OfTheCeilingIsSaidOnlyWhatBothKnow) {
    const auto old_hello = get_hello(body_of_sample("hello"));
    EXPECT_EQ(old_hello->features, 0U);
    const Bytes hello_body = body_of_sample("greeting");
    EXPECT_EQ(get_hello(hello_body)->features, known_features);

    Bytes body = body_of_sample("greeted");
    const auto welcome = get_welcome(body);
    ASSERT_TRUE(welcome);
    EXPECT_EQ(welcome->time_ms, 1'795'651'200'000U);
    EXPECT_EQ(get_welcome(body_of_sample("welcome"))->time_ms, 0U);
    body.resize(64);
    EXPECT_EQ(get_welcome(body).error(), Flaw::length) << "it says that there is a time";
    Bytes untold = body_of_sample("welcome");
    untold.resize(72);
    EXPECT_EQ(get_welcome(untold).error(), Flaw::length) << "and here that there is none";

    const Bytes above_body = body_of_sample("above");
    const auto above = get_above(above_body, 512);
    ASSERT_TRUE(above);
    EXPECT_EQ(above->limit, 105U);
    EXPECT_EQ(above->block.size(), 133U);
    EXPECT_EQ(get_above(ByteView(above_body).first(7), 512).error(), Flaw::length);
    EXPECT_EQ(get_above(ByteView(above_body).first(50), 512).error(), Flaw::block);
}

TEST(Message, SaysWhatWasMeant) {
    const Bytes hello_body = body_of_sample("hello");
    const auto hello = get_hello(hello_body);
    ASSERT_TRUE(hello);
    EXPECT_EQ(hello->lowest, version);
    EXPECT_EQ(hello->highest, version);
    EXPECT_EQ(hello->store, "alpha");

    const auto welcome = get_welcome(body_of_sample("welcome"));
    ASSERT_TRUE(welcome);
    EXPECT_EQ(welcome->blocks, 32768U);
    EXPECT_EQ(welcome->requests, 256U);
    EXPECT_EQ(welcome->watches, 1024U);
    EXPECT_EQ(welcome->instance, 0x1122334455667788U);
    Bytes again;
    put_welcome(again, 1, *welcome);
    EXPECT_EQ(again, sample("welcome"));

    const auto read = get_read(body_of_sample("read"));
    ASSERT_TRUE(read);
    EXPECT_EQ(read->first, 80U);
    EXPECT_EQ(read->count, 1U);

    const Bytes write_body = body_of_sample("write");
    const auto write = get_write(write_body, 512);
    ASSERT_TRUE(write);
    EXPECT_EQ(write->first, 80U);
    EXPECT_TRUE(std::ranges::equal(write->blocks, sample_block()));

    const Bytes step_body = body_of_sample("step");
    const auto step = get_step(step_body, 512);
    ASSERT_TRUE(step);
    EXPECT_EQ(step->block, 80U);
    EXPECT_EQ(step->rank, (Rank{41, me}));
    EXPECT_EQ(step->request.size(), 133U);

    const auto watch = get_watch(body_of_sample("watch"));
    ASSERT_TRUE(watch);
    EXPECT_EQ(watch->rank, (Rank{40, me}));

    const Bytes listed_body = body_of_sample("listed");
    const auto listed = get_listed(listed_body);
    ASSERT_TRUE(listed);
    EXPECT_EQ(listed->next, 0U);
    EXPECT_EQ(listed->registers, (std::vector<Named>{{80, "nightly"}, {81, "leader"}}));
}

// Every body cut short or with one byte too many is refused, whatever its kind.
TEST(Message, NoOtherLengthIsTaken) {
    const auto refused = [](std::string_view kind, ByteView body) {
        if (kind == "hello") return !get_hello(body);
        if (kind == "welcome") return !get_welcome(body);
        if (kind == "read") return !get_read(body);
        if (kind == "write") return !get_write(body, 512);
        if (kind == "step") return !get_step(body, 512);
        if (kind == "watch") return !get_watch(body);
        if (kind == "list") return !get_list(body);
        if (kind == "listed") return !get_listed(body);
        return !get_nothing(body);
    };
    for (const std::string kind :
         {"hello", "welcome", "read", "write", "step", "watch", "list", "listed", "ping"}) {
        Bytes body = body_of_sample(kind);
        EXPECT_FALSE(refused(kind, body)) << kind;
        body.push_back(std::byte{0});
        EXPECT_TRUE(refused(kind, body)) << kind;
        body.pop_back();
        for (std::size_t size = 0; size < body.size(); ++size) {
            // A list may end after any whole entry.
            if (kind == "listed" && (size == 8 || size == 8 + 9 + 7)) continue;
            EXPECT_TRUE(refused(kind, ByteView(body).first(size))) << kind << " " << size;
        }
    }
}

template <class Get>
Flaw flaw_after(std::string_view kind, std::size_t at, std::uint8_t value, Get get) {
    Bytes body = body_of_sample(kind);
    store<std::uint8_t>(body, at, value);
    const auto got = get(body);
    EXPECT_FALSE(got) << kind << " " << at;
    return got ? Flaw::too_long : got.error();
}

TEST(Message, IsRefusedForWhatIsWrongWithIt) {
    const auto write = [](ByteView body) { return get_write(body, 512); };
    const auto step = [](ByteView body) { return get_step(body, 512); };
    EXPECT_EQ(flaw_after("hello", 0, 'X', get_hello), Flaw::magic);
    EXPECT_EQ(flaw_after("hello", 8, 2, get_hello), Flaw::no_sense);  // lowest above highest
    EXPECT_EQ(flaw_after("hello", 12, 1, get_hello), Flaw::not_zero);
    EXPECT_EQ(flaw_after("hello", 24, 6, get_hello), Flaw::length);
    EXPECT_EQ(flaw_after("welcome", 2, 1, get_welcome), Flaw::not_zero);
    EXPECT_EQ(flaw_after("welcome", 4, 1, get_welcome), Flaw::no_sense);      // block size 513
    EXPECT_EQ(flaw_after("welcome", 15, 0xff, get_welcome), Flaw::no_sense);  // too many blocks
    EXPECT_EQ(flaw_after("read", 8, 0, get_read), Flaw::no_sense);
    EXPECT_EQ(flaw_after("read", 12, 1, get_read), Flaw::not_zero);
    EXPECT_EQ(flaw_after("list", 12, 1, get_list), Flaw::not_zero);
    EXPECT_EQ(flaw_after("step", 24 + 6, 9, step), Flaw::block);
    EXPECT_EQ(get_write(body_of_sample("write"), 4096).error(), Flaw::length);

    Bytes round_again = body_of_sample("read");  // the last block would come round to the first
    store<std::uint64_t>(round_again, 0, ~std::uint64_t{0});
    EXPECT_EQ(get_read(round_again).error(), Flaw::no_sense);
    Bytes far = body_of_sample("write");
    store<std::uint64_t>(far, 0, ~std::uint64_t{0});
    EXPECT_EQ(write(far).error(), Flaw::no_sense);
}

TEST(Message, AFewBlocksAndAnEmptyListHaveTheSizesThatTheNoteSays) {
    Bytes out;
    put_write(out, 1, 0, Bytes(3 * 512));
    EXPECT_EQ(out.size(), head_size + 8 + 3 * 512);
    out.clear();
    ListWriter list(out, 1);
    EXPECT_EQ(list.body_size(), 8U);
    list.end(17);
    const auto frame = decode_frame(out, 64);
    ASSERT_TRUE(frame && *frame);
    const auto listed = get_listed((*frame)->body);
    ASSERT_TRUE(listed);
    EXPECT_EQ(listed->next, 17U);
    EXPECT_TRUE(listed->registers.empty());
}

}  // namespace
}  // namespace diskpaxos::wire
