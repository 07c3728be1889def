// Sessions and locks through the library.
#include <atomic>
#include <future>
#include <thread>

#include "testbed.hpp"

namespace diskpaxos::api {
namespace {

using Locks = Library;

TEST_F(Locks, OneHoldsItAndTokensRise) {
    const Group group = open(), other = open();
    Session mine = session(group), theirs = session(other);
    Lock a = mine.lock("x"), b = theirs.lock("x");
    EXPECT_FALSE(a.held());
    const std::uint64_t token = a.acquire().value();
    EXPECT_TRUE(a.held());
    EXPECT_EQ(a.token(), token);
    EXPECT_EQ(code_of(b.acquire(Mode::exclusive, try_once)), Code::busy);
    EXPECT_EQ(code_of(b.acquire(Mode::exclusive, 100ms)), Code::busy);
    EXPECT_EQ(code_of(a.acquire()), Code::usage);
    EXPECT_TRUE(a.release());
    EXPECT_FALSE(a.held());
    EXPECT_EQ(code_of(a.release()), Code::usage);
    EXPECT_GT(b.acquire(Mode::exclusive, try_once).value(), token);
    EXPECT_EQ(code_of(group.cell("x").set("v")), Code::no);
}

// A disk that is absent at first carries the session later, in place of another.
TEST_F(Locks, ADiskThatComesLaterCarriesTheSession) {
    const std::string away = disks[2] + ".away";
    std::filesystem::rename(disks[2], away);
    const Group group = open();
    EXPECT_EQ(group.facts().present, 2U);
    Session mine = session(group, 2s);
    Lock lock = mine.lock("x");
    ASSERT_TRUE(lock.acquire());
    std::filesystem::rename(away, disks[2]);
    std::this_thread::sleep_for(4s);  // it is tried after one second, and after two and a half
    std::filesystem::resize_file(disks[0], 0);
    std::this_thread::sleep_for(4s);  // two TTLs
    EXPECT_TRUE(lock.held());
    EXPECT_TRUE(lock.release());
}

TEST_F(Locks, AWaiterGetsItWhenTheHolderLetsGo) {
    const Group group = open(), other = open();
    Session mine = session(group), theirs = session(other);
    Lock a = mine.lock("x");
    const std::uint64_t first = a.acquire().value();
    std::atomic<bool> released = false;
    std::thread waiter([&] {
        Lock b = theirs.lock("x");
        EXPECT_GT(b.acquire().value(), first);
        EXPECT_TRUE(released);
    });
    std::this_thread::sleep_for(200ms);
    released = true;
    EXPECT_TRUE(a.release());
    waiter.join();
}

TEST_F(Locks, SharedHoldersShareAndConvert) {
    const Group group = open(), other = open();
    Session mine = session(group), theirs = session(other);
    Lock a = mine.lock("x"), b = theirs.lock("x");
    ASSERT_TRUE(a.acquire(Mode::shared));
    const std::uint64_t token = b.acquire(Mode::shared).value();
    EXPECT_EQ(code_of(a.convert(Mode::exclusive)), Code::busy);
    ASSERT_TRUE(b.release());
    EXPECT_GT(a.convert(Mode::exclusive).value(), token);
    EXPECT_EQ(code_of(b.acquire(Mode::shared, try_once)), Code::busy);
    EXPECT_EQ(a.convert(Mode::shared).value(), a.token());
    EXPECT_TRUE(b.acquire(Mode::shared, try_once));
}

TEST_F(Locks, TheValueIsKeptWithTheLock) {
    const Group group = open(), other = open();
    Session mine = session(group), theirs = session(other);
    Lock a = mine.lock("x"), b = theirs.lock("x");
    ASSERT_TRUE(a.acquire());
    EXPECT_TRUE(a.set_value(std::string("ab\0c", 4)));
    EXPECT_EQ(code_of(a.set_value(std::string(33, 'x'))), Code::usage);
    ASSERT_TRUE(a.release());
    EXPECT_EQ(code_of(a.value()), Code::usage);
    ASSERT_TRUE(b.acquire());
    EXPECT_EQ(b.value().value().bytes, std::string("ab\0c", 4));
    EXPECT_FALSE(b.value().value().doubtful);
}

TEST_F(Locks, HandlesOfOneSessionWaitForEachOther) {
    const Group group = open();
    Session mine = session(group);
    Lock a = mine.lock("x"), b = mine.lock("x");
    const std::uint64_t token = a.acquire().value();
    EXPECT_EQ(code_of(b.acquire(Mode::exclusive, try_once)), Code::busy);
    EXPECT_EQ(code_of(b.acquire(Mode::exclusive, 50ms)), Code::busy);
    std::thread waiter([&] { EXPECT_GT(b.acquire().value(), token); });
    std::this_thread::sleep_for(50ms);
    EXPECT_TRUE(a.release());
    waiter.join();
    EXPECT_TRUE(b.held());
}

TEST_F(Locks, AHandleThatGoesLetsGo) {
    const Group group = open(), other = open();
    Session mine = session(group), theirs = session(other);
    {
        ASSERT_TRUE(mine.lock("x").acquire());
    }
    EXPECT_TRUE(theirs.lock("x").acquire(Mode::exclusive, 5s));
}

TEST_F(Locks, WaitingEndsByCancelAndByClosing) {
    const Group group = open();
    Group other = open(), third = open();
    Session mine = session(group), theirs = session(other), its = session(third);
    Lock a = mine.lock("x"), b = theirs.lock("x"), c = its.lock("x");
    ASSERT_TRUE(a.acquire());
    std::thread canceller([&] {
        std::this_thread::sleep_for(100ms);
        b.cancel();
    });
    EXPECT_EQ(code_of(b.acquire()), Code::busy);
    canceller.join();
    std::vector<Code> answers;
    const auto then = [&](const Result<std::uint64_t>& token) {
        answers.push_back(code_of(token));
    };
    ASSERT_TRUE(c.acquire_async(Mode::exclusive, forever, then));
    std::this_thread::sleep_for(100ms);
    third.close();
    EXPECT_EQ(answers, std::vector{Code::busy});
    EXPECT_EQ(its.state(), SessionState::left);
    EXPECT_TRUE(a.held());
}

TEST_F(Locks, NoTimeoutIsTooLong) {
    const Group group = open(), other = open();
    Session mine = session(group), theirs = session(other);
    Lock a = mine.lock("x"), b = theirs.lock("x");
    ASSERT_TRUE(a.acquire(Mode::exclusive, Timeout::max()));
    auto waiting = std::async(
        std::launch::async, [&] { return b.acquire(Mode::exclusive, Timeout::max()).has_value(); });
    EXPECT_EQ(waiting.wait_for(300ms), std::future_status::timeout);
    EXPECT_TRUE(a.set_value("v", Timeout::max()));
    EXPECT_TRUE(a.release(Timeout::max()));
    EXPECT_TRUE(waiting.get());
}

TEST_F(Locks, ACallbackMadeByClosingMayClose) {
    const Group group = open();
    Group other = open();
    Session mine = session(group), theirs = session(other);
    Lock a = mine.lock("x"), b = theirs.lock("x");
    ASSERT_TRUE(a.acquire());
    int closed = 0;
    ASSERT_TRUE(b.acquire_async(Mode::exclusive, forever, [&](const Result<std::uint64_t>&) {
        other.close();
        ++closed;
    }));
    other.close();
    EXPECT_EQ(closed, 1);
}

// One handle waits for another one of the same session: the disks know nothing of that.
TEST_F(Locks, ClosingEndsTheWaitingForAnotherHandle) {
    Group group = open();
    Session mine = session(group);
    Lock a = mine.lock("x"), b = mine.lock("x");
    ASSERT_TRUE(a.acquire());
    auto waiting = std::async(std::launch::async, [&] { return code_of(b.acquire()); });
    std::this_thread::sleep_for(100ms);
    group.close();
    EXPECT_EQ(waiting.get(), Code::busy);
    EXPECT_FALSE(a.held());
}

TEST_F(Locks, LeavingEndsTheWaitingForAnotherHandle) {
    const Group group = open();
    Session mine = session(group);
    Lock a = mine.lock("x"), b = mine.lock("x"), c = mine.lock("x");
    ASSERT_TRUE(a.acquire());
    auto first = std::async(std::launch::async, [&] { return code_of(b.acquire()); });
    auto second = std::async(std::launch::async, [&] { return code_of(c.acquire()); });
    std::this_thread::sleep_for(100ms);
    EXPECT_TRUE(mine.leave());
    EXPECT_EQ(first.get(), Code::lost);
    EXPECT_EQ(second.get(), Code::lost);
}

TEST_F(Locks, LeavingFreesAllLocksAtOnce) {
    const Group group = open(), other = open();
    Session mine = session(group), theirs = session(other);
    Lock a = mine.lock("x"), b = theirs.lock("x");
    ASSERT_TRUE(a.acquire());
    EXPECT_EQ(code_of(group.open_session()), Code::usage);
    EXPECT_TRUE(mine.leave());
    EXPECT_EQ(mine.state(), SessionState::left);
    EXPECT_FALSE(a.held());
    EXPECT_EQ(code_of(a.acquire()), Code::lost);
    EXPECT_TRUE(b.acquire(Mode::exclusive, try_once));
    EXPECT_TRUE(group.open_session());
}

TEST_F(Locks, AnEventLoopOpensAcquiresAndReleases) {
    const Group group = open();
    std::optional<Session> mine;
    std::optional<Lock> lock;
    std::vector<std::string> story;
    const auto released = [&](const Result<void>& r) { story.push_back(r ? "released" : "?"); };
    const auto acquired = [&](const Result<std::uint64_t>& token) {
        story.push_back(token ? "acquired" : "?");
        EXPECT_TRUE(lock->release_async(released));
    };
    const auto opened = [&](Result<Session> s) {
        story.push_back(s ? "opened" : "?");
        mine = std::move(*s);
        lock.emplace(mine->lock("x"));
        EXPECT_TRUE(lock->acquire_async(Mode::exclusive, forever, acquired));
    };
    ASSERT_TRUE(group.open_session_async({}, opened));
    EXPECT_TRUE(dispatch_until(group, [&] { return story.size() == 3; }));
    EXPECT_EQ(story, (std::vector<std::string>{"opened", "acquired", "released"}));
}

TEST_F(Locks, TheLastHandleLeavesTheSession) {
    const Group group = open(), other = open();
    Session theirs = session(other);
    std::optional<Session> mine = session(group);
    std::optional<Lock> a = mine->lock("x");
    ASSERT_TRUE(a->acquire());
    mine.reset();
    EXPECT_TRUE(a->held());  // the lock's handle is one of the session's
    a.reset();
    EXPECT_TRUE(theirs.lock("x").acquire(Mode::exclusive, 5s));
    for (int i = 0; i < 100 && !mine; ++i) {
        if (Result<Session> again = group.open_session())
            mine = std::move(*again);
        else
            std::this_thread::sleep_for(10ms);
    }
    EXPECT_TRUE(mine);
}

TEST_F(Locks, TheGroupClosesWithItsLastHandleOfAnyKind) {
    std::optional<Lock> lock;
    {
        const Group group = open();
        lock.emplace(session(group).lock("x"));
    }
    ASSERT_TRUE(lock->acquire());
    lock.reset();
    const Group group = open();
    EXPECT_TRUE(session(group).lock("x").acquire(Mode::exclusive, try_once));
}

// The library's own thread sleeps where it must not: so it cannot renew.
class Frozen {
  public:
    explicit Frozen(const Group& group) {
        const auto freeze = [this](const Result<Value>&) { thaw_.get_future().wait(); };
        EXPECT_TRUE(group.cell("freeze").get_async(freeze));
    }
    void thaw() { thaw_.set_value(); }

  private:
    std::promise<void> thaw_;
};

bool comes_to(const Session& session, SessionState state) {
    for (int i = 0; i < 1000 && session.state() != state; ++i) std::this_thread::sleep_for(10ms);
    return session.state() == state;
}

TEST_F(Locks, DangerIsToldAndPasses) {
    const Group group = open(Callbacks::thread);
    std::vector<SessionState> told;
    Result<Session> mine = group.open_session(
        {.ttl = 4s, .changed = [&](SessionState state) { told.push_back(state); }});
    ASSERT_TRUE(mine);
    EXPECT_TRUE(mine->sound());
    EXPECT_FALSE(readable(mine->fd(), 0ms));
    Frozen frozen(group);
    EXPECT_TRUE(comes_to(*mine, SessionState::danger));
    frozen.thaw();
    EXPECT_TRUE(comes_to(*mine, SessionState::sound));
    EXPECT_TRUE(mine->leave());
    ASSERT_FALSE(told.empty());
    EXPECT_EQ(told.back(), SessionState::left);
}

TEST_F(Locks, WhatIsBeingReleasedIsNotHeld) {
    const Group group = open(Callbacks::thread);
    Session mine = session(group);
    Lock a = mine.lock("x");
    ASSERT_TRUE(a.acquire());
    std::promise<bool> answer;
    const auto released = [&](const Result<void>& r) { answer.set_value(r.has_value()); };
    std::promise<bool> held;
    const auto look = [&](const Result<void>&) { held.set_value(a.held()); };
    ASSERT_TRUE(a.release_async(released));
    ASSERT_TRUE(a.release_async(look));  // usage: the first is under way
    EXPECT_FALSE(held.get_future().get());
    EXPECT_TRUE(answer.get_future().get());
    EXPECT_EQ(a.token(), 0U);
}

TEST_F(Locks, ALostSessionHoldsNothing) {
    const Group group = open(Callbacks::thread), other = open();
    Session mine = session(group, 3s), theirs = session(other);
    Lock a = mine.lock("x"), b = theirs.lock("x");
    const Result<std::uint64_t> token = a.acquire();
    ASSERT_TRUE(token);
    const std::int64_t until = mine.valid_until_ns();
    EXPECT_GT(until, 0);
    Frozen frozen(group);
    EXPECT_TRUE(comes_to(mine, SessionState::lost));
    EXPECT_FALSE(a.held());  // told by the clock, while the library's thread still sleeps
    EXPECT_GT(b.acquire(Mode::exclusive, 60s).value(), *token);
    frozen.thaw();
    EXPECT_TRUE(readable(mine.fd(), 5s));
    for (int i = 0; i < 500 && mine.why_lost().sentence.empty(); ++i)
        std::this_thread::sleep_for(10ms);
    EXPECT_EQ(mine.why_lost().code, Code::lost);
    EXPECT_FALSE(mine.why_lost().sentence.empty());
    EXPECT_EQ(code_of(a.acquire()), Code::lost);
    EXPECT_TRUE(group.open_session());
}

}  // namespace
}  // namespace diskpaxos::api
