// The judge must see what is wrong: each rule is broken once, on purpose.
#include "demo/judge.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "sample.hpp"

namespace diskpaxos::demo {
namespace {

using namespace std::chrono_literals;

Event& nth(Recording& recording, Happening what, std::size_t number) {
    for (Event& event : recording.events) {
        if (event.what == what && number-- == 0) return event;
    }
    ADD_FAILURE() << "there is no such event";
    return recording.events.front();
}

std::vector<Resource::Line> writes_of(const Recording& recording) {
    std::vector<Resource::Line> lines;
    for (const Event& event : recording.events) {
        if (event.what == Happening::wrote) lines.push_back({event.token, event.pid});
    }
    return lines;
}

TEST(Judge, FindsNothingWhereAllIsWell) {
    const Recording show = sample_recording();
    EXPECT_TRUE(judge_holdings(holdings(show)).empty());
    EXPECT_TRUE(judge_writes(writes_of(show), show).empty());
    EXPECT_TRUE(judge_silence(show, 100ms).empty());
    EXPECT_TRUE(judge_operations(show.operations).empty());
}

TEST(Judge, SeesTwoHoldersAtATime) {
    Recording show = sample_recording();
    Event& later = nth(show, Happening::released, 3);
    later.at += 60ms;  // over the beginning of the next holding
    std::ranges::stable_sort(show.events, {}, &Event::at);
    EXPECT_EQ(judge_holdings(holdings(show)).size(), 1U);
}

TEST(Judge, SeesATokenThatDoesNotRise) {
    Recording show = sample_recording();
    nth(show, Happening::holding, 7).token = 3;
    EXPECT_FALSE(judge_holdings(holdings(show)).empty());
}

TEST(Judge, SeesTheSameTokenTwice) {
    Recording show = sample_recording();
    nth(show, Happening::holding, 7).token = nth(show, Happening::holding, 6).token;
    EXPECT_FALSE(judge_holdings(holdings(show)).empty());
}

TEST(Judge, SeesAStaleWriteThatWasAccepted) {
    const Recording show = sample_recording();
    std::vector<Resource::Line> writes = writes_of(show);
    writes.push_back(writes[4]);
    EXPECT_FALSE(judge_writes(writes, show).empty());
}

TEST(Judge, SeesAWriteUnderATokenOfSomebodyElse) {
    const Recording show = sample_recording();
    std::vector<Resource::Line> writes = writes_of(show);
    writes[4].pid += 1;
    EXPECT_EQ(judge_writes(writes, show).size(), 1U);
}

TEST(Judge, SeesAHolderWithoutAMajority) {
    Recording show = sample_recording();
    Event& holding = nth(show, Happening::holding, 0);
    holding.at = sample_time(18'000);
    std::ranges::stable_sort(show.events, {}, &Event::at);
    EXPECT_EQ(judge_silence(show, 100ms).size(), 1U);
    EXPECT_TRUE(judge_silence(show, 1500ms).empty());  // it had left before
}

TEST(Judge, SeesAnAnswerWithoutAMajority) {
    Recording show = sample_recording();
    show.operations.front().end =
        static_cast<std::uint64_t>(sample_time(18'000).time_since_epoch().count());
    EXPECT_EQ(judge_silence(show, 100ms).size(), 1U);
}

TEST(Judge, SeesALostIncrement) {
    Recording show = sample_recording();
    show.operations[10].seen = show.operations[9].seen;
    EXPECT_EQ(judge_operations(show.operations).size(), 1U);
}

TEST(Storyline, AHoldingEndsWithItsLease) {
    const Recording show = sample_recording();
    for (const Holding& holding : holdings(show)) {
        if (holding.from != sample_time(8100)) continue;  // the one that is stopped at 8300
        EXPECT_EQ(holding.until, sample_time(8100) + 2800ms);
        EXPECT_TRUE(holding.died);
        return;
    }
    FAIL() << "there is no such holding";
}

TEST(Storyline, TheMajorityIsLostWhileTwoDisksAre) {
    const std::vector<Interval> dark = without_majority(sample_recording());
    ASSERT_EQ(dark.size(), 1U);
    EXPECT_EQ(dark[0].from, sample_time(17'000));
    EXPECT_EQ(dark[0].until, sample_time(20'000));
}

TEST(Storyline, WhoDiedWithTheLockIsDeadWithItsToken) {
    for (const Stretch& stretch : process_stretches(sample_recording())) {
        if (stretch.state != ProcessState::dead || stretch.from != sample_time(4300)) continue;
        EXPECT_EQ(stretch.subject, 1);
        EXPECT_NE(stretch.token, 0U);
        EXPECT_EQ(stretch.until, sample_time(8000));
        return;
    }
    FAIL() << "nobody died";
}

}  // namespace
}  // namespace diskpaxos::demo
