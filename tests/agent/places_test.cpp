#include "disk-agent/places.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

namespace diskpaxos::agent {
namespace {

using Answer = Places::Answer;

class PlacesTest : public ::testing::Test {
  protected:
    // "a" comes over a network from a; "/a" from this host.
    Places::Guest& guest(const std::string& from) {
        guests.push_back(std::make_unique<Places::Guest>(from, from.starts_with('/')));
        return *guests.back();
    }
    Places::Decision enter(const std::string& from) { return places.enter(guest(from)); }
    void enter_and_greet(const std::string& from, unsigned count) {
        for (unsigned i = 0; i < count; ++i) {
            Places::Guest& one = guest(from);
            ASSERT_EQ(places.enter(one).answer, Answer::welcome);
            places.greeted(one);
        }
    }
    Places::Guest* last() { return guests.back().get(); }

    Places places{{.all = 8, .by_network = 6, .by_socket = 6, .of_origin = 4,
                   .strangers_of_origin = 2, .of_client = 3}};
    std::vector<std::unique_ptr<Places::Guest>> guests;
};

TEST_F(PlacesTest, TheOldestStrangerGoesForWhoComes) {
    for (const char* from : {"a", "b", "c", "d", "e", "f"}) {
        const Places::Decision one = enter(from);
        EXPECT_EQ(one.answer, Answer::welcome);
        EXPECT_EQ(one.leaves, nullptr);
    }
    places.greeted(*guests[0]);
    const Places::Decision next = enter("g");
    EXPECT_EQ(next.answer, Answer::welcome);
    EXPECT_EQ(next.leaves, guests[1].get());
    EXPECT_FALSE(guests[1]->inside());
    EXPECT_TRUE(guests[0]->inside());
    EXPECT_EQ(places.taken(), 6U);
    places.leave(*guests[1]);  // its connection has ended, too
    EXPECT_EQ(places.taken(), 6U);
}

TEST_F(PlacesTest, SomePlacesAreForThisHostAlone) {
    enter_and_greet("a", 3);
    enter_and_greet("b", 3);
    EXPECT_EQ(enter("c").answer, Answer::full);
    EXPECT_EQ(enter("/0").answer, Answer::welcome);
    EXPECT_EQ(enter("c").answer, Answer::full) << "a stranger of this host does not go for it";
    EXPECT_EQ(enter("/1").answer, Answer::welcome);
    EXPECT_EQ(places.taken(), 8U);
    const Places::Decision third = enter("/2");
    EXPECT_EQ(third.answer, Answer::welcome);
    ASSERT_NE(third.leaves, nullptr);
    EXPECT_EQ(third.leaves->origin(), "/0");
}

// However many hang on a UNIX socket, by whatever users.
TEST_F(PlacesTest, AndSomeAreForNetworksAlone) {
    for (const char* from : {"/0", "/0", "/1", "/1", "/2", "/2"}) {
        EXPECT_EQ(enter(from).leaves, nullptr);
    }
    const Places::Decision more = enter("/3");
    EXPECT_EQ(more.leaves, guests[0].get()) << "though there is room, that is for networks";
    for (const char* from : {"a", "b"}) {
        const Places::Decision one = enter(from);
        EXPECT_EQ(one.answer, Answer::welcome);
        EXPECT_EQ(one.leaves, nullptr);
        places.greeted(*last());
    }
    EXPECT_EQ(places.taken(), 8U);
    EXPECT_EQ(enter("c").answer, Answer::full) << "no stranger of a network is left";
    EXPECT_EQ(enter("/4").leaves, guests[1].get());
}

TEST_F(PlacesTest, WhoHasGreetedKeepsItsPlace) {
    enter_and_greet("a", 4);
    enter_and_greet("/0", 4);
    EXPECT_EQ(places.taken(), 8U);
    EXPECT_EQ(enter("b").answer, Answer::full);
    EXPECT_EQ(enter("/1").answer, Answer::full);
    EXPECT_EQ(enter("a").answer, Answer::origin_full);
    EXPECT_EQ(places.push_out(), nullptr);
    places.leave(*guests[0]);
    EXPECT_EQ(enter("b").answer, Answer::welcome);
}

TEST_F(PlacesTest, AnOriginHasSoManyPlacesAndStrangers) {
    enter_and_greet("a", 1);
    EXPECT_EQ(enter("a").leaves, nullptr);
    Places::Guest* const first = last();
    EXPECT_EQ(enter("a").leaves, nullptr);
    EXPECT_EQ(enter("a").leaves, first) << "its own, though there is room";
    EXPECT_EQ(places.taken(), 3U);
    places.greeted(*guests[2]);
    places.greeted(*guests[3]);
    EXPECT_EQ(enter("a").leaves, nullptr);
    Places::Guest* const fourth = last();
    EXPECT_EQ(enter("a").leaves, fourth) << "all four places are its own";
    EXPECT_EQ(enter("b").leaves, nullptr);
}

TEST_F(PlacesTest, WhereDescriptorsRunOutTheOldestStrangerGoes) {
    EXPECT_EQ(places.push_out(), nullptr);
    enter("/0");
    enter("a");
    EXPECT_EQ(places.push_out(), guests[0].get());
    EXPECT_EQ(places.push_out(), guests[1].get());
    EXPECT_EQ(places.push_out(), nullptr);
    EXPECT_EQ(places.taken(), 0U);
}

TEST(PlaceLimits, OfAnyNumber) {
    for (const unsigned all : {1U, 2U, 3U, 7U, 8U, 40U, 2048U, 1'000'000U}) {
        const auto limits = Places::Limits::of(all);
        EXPECT_GE(limits.by_network, 1U) << all;
        EXPECT_GE(limits.of_origin, 1U) << all;
        EXPECT_GE(limits.strangers_of_origin, 1U) << all;
        EXPECT_LE(limits.by_network, all);
        EXPECT_EQ(limits.by_socket, limits.by_network);
        EXPECT_GE(limits.of_client, 1U) << all;
        EXPECT_LE(limits.of_client, limits.of_origin);
        EXPECT_LE(limits.of_origin, all);
        EXPECT_LE(limits.strangers_of_origin, all);
    }
    EXPECT_EQ(Places::Limits::of(2048).by_network, 1792U);
    EXPECT_EQ(Places::Limits::of(2048).of_origin, 1536U);
    EXPECT_EQ(Places::Limits::of(2048).of_client, 1280U);
    EXPECT_EQ(Places::Limits::of(1000).of_client, 625U);
}

// Whatever comes and goes: who loses a place is a stranger, and the counts are right.
TEST_F(PlacesTest, ARandomCrowd) {
    std::uint64_t state = 1;
    const auto below = [&state](std::uint64_t n) {
        state = state * 6364136223846793005U + 1442695040888963407U;
        return (state >> 33U) % n;
    };
    std::vector<Places::Guest*> greeted;
    for (int i = 0; i < 20'000; ++i) {
        const std::string from =
            std::string(below(3) == 0 ? "/" : "") + static_cast<char>('a' + below(4));
        const Places::Decision decision = enter(from);
        if (decision.leaves != nullptr) {
            EXPECT_EQ(std::ranges::count(greeted, decision.leaves), 0);
        }
        EXPECT_EQ(last()->inside(), decision.answer == Answer::welcome);
        if (last()->inside() && below(3) == 0) {
            places.greeted(*last());
            greeted.push_back(last());
        }
        if (!greeted.empty() && below(3) == 0) {
            places.leave(*greeted.front());
            greeted.erase(greeted.begin());
        }
        ASSERT_LE(places.taken(), 8U);
        unsigned inside = 0;
        unsigned network = 0;
        std::erase_if(guests, [](const auto& one) { return !one->inside(); });
        for (const auto& one : guests) {
            ++inside;
            network += one->origin().starts_with('/') ? 0U : 1U;
        }
        ASSERT_EQ(inside, places.taken());
        ASSERT_LE(network, 6U);
        ASSERT_LE(inside - network, 6U);
    }
}

}  // namespace
}  // namespace diskpaxos::agent
