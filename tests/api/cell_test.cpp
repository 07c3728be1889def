// Groups and cells through the library, blocking and not.
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <future>
#include <thread>

#include "testbed.hpp"

namespace diskpaxos::api {
namespace {

using Cells = Library;

TEST_F(Cells, AGroupTellsWhatItIs) {
    const Group group = open();
    EXPECT_EQ(group.facts().name, "group");
    EXPECT_EQ(group.facts().uuid.size(), 36U);
    EXPECT_EQ(group.facts().disks, 3U);
    EXPECT_EQ(group.facts().present, 3U);
    EXPECT_EQ(group.facts().ttl, 10s);
}

TEST_F(Cells, WhatCannotBeOpenedIsRefusedInOneSentence) {
    EXPECT_EQ(code_of(Group::open({.disks = {disks[0], disks[0]}})), Code::usage);
    EXPECT_EQ(code_of(Group::open({.disks = disks, .group = "both"})), Code::usage);
    EXPECT_EQ(code_of(Group::open({.disks = disks, .timeout = 0s})), Code::usage);
    const Result<Group> minority = Group::open({.disks = {disks[0]}});
    EXPECT_EQ(code_of(minority), Code::no_quorum);
    EXPECT_FALSE(minority.error().sentence.empty());
}

TEST_F(Cells, AMissingMinorityIsAWarning) {
    std::filesystem::remove(disks[2]);
    std::vector<std::string> warnings;
    Options wish = options();
    wish.warn = [&](const std::string& sentence) { warnings.push_back(sentence); };
    const Result<Group> group = Group::open(wish);
    ASSERT_TRUE(group) << group.error().sentence;
    EXPECT_EQ(group->facts().present, 2U);
    EXPECT_FALSE(warnings.empty());
    EXPECT_TRUE(group->cell("x").set("1"));
}

TEST_F(Cells, AGroupFileNamesTheDisks) {
    const std::filesystem::path conf = folder / "mine.conf";
    ASSERT_EQ(
        std::system(("printf 'disk = a\\ndisk = b # ours\\ndisk=c\\n' > " + conf.string()).c_str()),
        0);
    EXPECT_TRUE(Group::open({.group = conf}));
    EXPECT_EQ(code_of(Group::open({.group = folder / "no.conf"})), Code::usage);
}

TEST_F(Cells, ValuesAreSetSwappedCountedRemovedAndDecided) {
    const Group group = open();
    const Cell cell = group.cell("x");
    EXPECT_EQ(cell.get().value().version, 0U);
    EXPECT_FALSE(cell.get().value().is_set);
    EXPECT_EQ(cell.set("one").value().version, 1U);
    EXPECT_EQ(cell.get().value().bytes, "one");
    const Value stale = cell.compare_and_swap(7, "two").value();
    EXPECT_FALSE(stale.applied);
    EXPECT_EQ(stale.version, 1U);
    EXPECT_EQ(stale.bytes, "one");
    EXPECT_TRUE(cell.compare_and_swap(1, "two").value().applied);
    EXPECT_EQ(code_of(cell.increment()), Code::no);
    EXPECT_FALSE(cell.remove().value().is_set);
    EXPECT_EQ(cell.increment(-5).value().bytes, "-5");

    EXPECT_EQ(group.cell("y").propose("me").value().bytes, "me");
    const Value decided = group.cell("y").propose("you").value();
    EXPECT_EQ(decided.bytes, "me");
    EXPECT_TRUE(decided.decided);
    EXPECT_EQ(code_of(group.cell("y").set("z")), Code::no);
    EXPECT_EQ(code_of(group.cell("@session/0").get()), Code::usage);
    EXPECT_EQ(code_of(group.cell("").set("z")), Code::usage);
}

TEST_F(Cells, ManyThreadsAndTwoGroupsCountTogether) {
    const Group one = open(), two = open();
    EXPECT_NE(one.facts().slot, two.facts().slot);
    std::vector<std::thread> threads;
    std::atomic<int> refused = 0;
    for (int i = 0; i < 8; ++i) {
        threads.emplace_back([&, i] {
            const Cell cell = (i % 2 == 0 ? one : two).cell("count");
            for (int n = 0; n < 10; ++n) refused += !cell.increment();
        });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(refused, 0);
    EXPECT_EQ(one.cell("count").get().value().bytes, "80");
}

TEST_F(Cells, AnEventLoopDispatchesItsAnswers) {
    const Group group = open();
    const std::thread::id me = std::this_thread::get_id();
    int answers = 0;
    for (int i = 0; i < 20; ++i) {
        const auto then = [&](const Result<Value>& value) {
            EXPECT_TRUE(value);
            EXPECT_EQ(std::this_thread::get_id(), me);
            ++answers;
        };
        ASSERT_TRUE(group.cell("c" + std::to_string(i % 4)).increment_async(1, then));
    }
    EXPECT_TRUE(dispatch_until(group, [&] { return answers == 20; }));
    EXPECT_EQ(group.cell("c3").get().value().bytes, "5");
    EXPECT_FALSE(readable(group.fd(), 0ms));
}

TEST_F(Cells, CallbacksOnTheThreadMayCallButNotWait) {
    const Group group = open(Callbacks::thread);
    std::promise<Code> blocked;
    std::promise<std::string> chained;
    const auto then = [&](const Result<Value>&) {
        blocked.set_value(code_of(group.cell("x").get()));
        const auto last = [&](const Result<Value>& value) { chained.set_value(value->bytes); };
        EXPECT_TRUE(group.cell("x").get_async(last));
    };
    ASSERT_TRUE(group.cell("x").set_async("v", then));
    EXPECT_EQ(blocked.get_future().get(), Code::usage);
    EXPECT_EQ(chained.get_future().get(), "v");
}

TEST_F(Cells, ClosingLetsWhatIsUnderWayComeToItsEnd) {
    Group group = open();
    int answers = 0;
    for (int i = 0; i < 10; ++i) {
        const auto then = [&](const Result<Value>& value) { answers += value.has_value(); };
        ASSERT_TRUE(group.cell("x").increment_async(1, then));
    }
    group.close();
    EXPECT_EQ(answers, 10);
    EXPECT_EQ(code_of(group.cell("x").get()), Code::lost);
    EXPECT_EQ(code_of(group.open_session()), Code::lost);
    group.close();
    EXPECT_EQ(open().cell("x").get().value().bytes, "10");
}

TEST_F(Cells, AForkIsToldAndHarmsNobody) {
    std::optional<Group> group = open();
    ASSERT_TRUE(group->cell("x").set("1"));
    const pid_t child = fork();
    if (child == 0) {
        const Result<Value> value = group->cell("x").get();
        const bool told = !value && value.error().code == Code::usage && group->dispatch() == 0;
        group->close();
        group.reset();
        _exit(told ? 0 : 1);
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    EXPECT_EQ(group->cell("x").get().value().bytes, "1");
}

}  // namespace
}  // namespace diskpaxos::api
