// Names and values: the directory, and what people do with names.
#include <gtest/gtest.h>

#include "group/cluster.hpp"

namespace diskpaxos {
namespace {

class Values : public ::testing::Test {
  protected:
    Values() {
        EXPECT_TRUE(cluster.format());
        process = std::make_unique<Process>(cluster, home, host_named("home"));
        other = std::make_unique<Process>(cluster, home, host_named("home"));
    }
    Result<Named> get(Process& p, std::string name) {
        return cluster.run(p.directory.get(std::move(name), cluster.soon()));
    }
    Result<Named> set(Process& p, std::string name, std::string value) {
        return cluster.run(set_value(p.directory, std::move(name), std::move(value), cluster.soon()));
    }
    static std::string text(const Result<Named>& named) {
        return named ? std::string(as_text(named->value)) : named.error().sentence;
    }

    Cluster cluster;
    HostLocks home;
    std::unique_ptr<Process> process, other;
};

TEST_F(Values, AnUnsetNameReadsAsVersionZero) {
    const auto named = get(*process, "nobody");
    ASSERT_TRUE(named);
    EXPECT_EQ(named->version, 0U);
    EXPECT_EQ(named->state, CellState::unset);
}

TEST_F(Values, WhatOneSetsAnotherReads) {
    ASSERT_TRUE(set(*process, "x", "one"));
    EXPECT_EQ(text(get(*other, "x")), "one");
    ASSERT_TRUE(set(*other, "x", "two"));
    EXPECT_EQ(text(get(*process, "x")), "two");
    EXPECT_EQ(get(*process, "x")->version, 2U);
}

TEST_F(Values, ADecisionIsTheSameForEver) {
    const auto first = cluster.run(propose(process->directory, "leader", "a", cluster.soon()));
    const auto second = cluster.run(propose(other->directory, "leader", "b", cluster.soon()));
    EXPECT_EQ(text(first), "a");
    EXPECT_EQ(text(second), "a");
    EXPECT_TRUE(first->applied);
    EXPECT_FALSE(second->applied);
    const auto overwrite = set(*other, "leader", "c");
    ASSERT_FALSE(overwrite);
    EXPECT_EQ(overwrite.error().code, Code::no);
    ASSERT_TRUE(set(*process, "cell", "1"));
    EXPECT_FALSE(cluster.run(propose(process->directory, "cell", "2", cluster.soon())));
}

TEST_F(Values, CompareAndSwapObeysTheVersion) {
    const auto cas = [&](std::uint64_t version, std::string value) {
        return cluster.run(compare_and_swap(process->directory, "x", version, std::move(value), cluster.soon()));
    };
    EXPECT_TRUE(cas(0, "first")->applied);
    const auto stale = cas(0, "again");
    ASSERT_TRUE(stale);
    EXPECT_FALSE(stale->applied);
    EXPECT_EQ(stale->version, 1U);
    EXPECT_EQ(text(stale), "first");
    EXPECT_TRUE(cas(1, "second")->applied);
}

TEST_F(Values, CountersCountAndRefuseWhatIsNoNumber) {
    const auto incr = [&](std::string name, std::int64_t by) {
        return cluster.run(increment(process->directory, std::move(name), by, cluster.soon()));
    };
    EXPECT_EQ(text(incr("n", 1)), "1");
    EXPECT_EQ(text(incr("n", 41)), "42");
    EXPECT_EQ(text(incr("n", -50)), "-8");
    ASSERT_TRUE(set(*process, "t", "text"));
    EXPECT_EQ(incr("t", 1).error().code, Code::no);
    ASSERT_TRUE(set(*process, "m", "9223372036854775807"));
    EXPECT_EQ(incr("m", 1).error().code, Code::no);
    EXPECT_EQ(text(get(*other, "m")), "9223372036854775807");
}

TEST_F(Values, AValueTooLongIsRefusedWithTheRoomThereIs) {
    const std::size_t room = process->group.format().capacity() - 1;
    ASSERT_TRUE(set(*process, "x", std::string(room, 'v')));
    const auto refused = set(*process, "x", std::string(room + 1, 'v'));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Code::usage);
    EXPECT_NE(refused.error().sentence.find(std::to_string(room)), std::string::npos);
    EXPECT_EQ(text(get(*other, "x")).size(), room) << "nothing was changed";
}

TEST_F(Values, NamesCollideAndFillTheDirectoryAndStayApart) {
    for (const char* name : {"a", "b", "c", "d"}) ASSERT_TRUE(set(*process, name, name));
    for (const char* name : {"d", "c", "b", "a"}) EXPECT_EQ(text(get(*other, name)), name);
    const auto fifth = set(*other, "e", "e");
    ASSERT_FALSE(fifth);
    EXPECT_EQ(fifth.error().code, Code::full);
    EXPECT_EQ(get(*other, "e")->state, CellState::unset);
}

TEST_F(Values, ADeletedNameKeepsItsCellAndItsVersionGoesOn) {
    ASSERT_TRUE(set(*process, "x", "1"));
    EXPECT_TRUE(cluster.run(remove_value(process->directory, "x", cluster.soon()))->applied);
    EXPECT_EQ(get(*other, "x")->state, CellState::deleted);
    EXPECT_EQ(get(*other, "x")->version, 2U);
    ASSERT_TRUE(set(*other, "x", "2"));
    EXPECT_EQ(get(*process, "x")->version, 3U);
}

TEST_F(Values, NamesAreChecked) {
    EXPECT_FALSE(Directory::check_name(""));
    EXPECT_FALSE(Directory::check_name(std::string(64, 'n')));
    EXPECT_FALSE(Directory::check_name("a\nb"));
    EXPECT_TRUE(Directory::check_name(std::string(63, 'n')));
    EXPECT_TRUE(Directory::check_name("Größe/1"));
}

TEST_F(Values, ALostMajorityIsSaidAndNothingIsDecided) {
    ASSERT_TRUE(set(*process, "x", "1"));
    cluster.disks[0]->mood = cluster.disks[2]->mood = MemoryDisk::Mood::failing;
    const auto lost = get(*other, "x");
    ASSERT_FALSE(lost);
    EXPECT_EQ(lost.error().code, Code::no_quorum);
    EXPECT_NE(lost.error().sentence.find("1 of 3 disks answered (a and c: Input/output error)"),
              std::string::npos)
        << lost.error().sentence;
    const auto halfway = set(*process, "x", "2");
    ASSERT_FALSE(halfway);
    EXPECT_EQ(halfway.error().code, Code::unknown_outcome) << "the fast path had proposed already";
}

}  // namespace
}  // namespace diskpaxos
