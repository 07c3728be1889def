// The watchdog: when it may be petted, what a driver must grant, and what disarms it.
#include "supervise/watchdog.hpp"

#include <gtest/gtest.h>
#include <linux/watchdog.h>

#include <cerrno>

#include "child.hpp"
#include "fake_watchdog.hpp"
#include "owner.hpp"

namespace diskpaxos {
namespace {

Instant at(Duration since) {
    return Instant(since);
}

TEST(WatchdogRuleTest, NoPetReachesBeyondTheSession) {
    struct Case {
        Duration now, timeout, reserve, valid_until;
        bool may;
    };
    for (const Case& row : {Case{0s, 5s, 1s, 10s, true}, Case{4s, 5s, 1s, 10s, true},
                            Case{4s + 1ns, 5s, 1s, 10s, false}, Case{10s, 5s, 1s, 10s, false},
                            Case{11s, 5s, 1s, 10s, false}, Case{3s, 5s, 2s, 10s, true},
                            Case{4s, 5s, 2s, 10s, false}, Case{0s, 0s, 0s, 0s, true}}) {
        EXPECT_EQ(may_pet(at(row.now), row.timeout, row.reserve, at(row.valid_until)), row.may)
            << row.now.count() << " " << row.valid_until.count();
    }
    EXPECT_TRUE(may_pet(at(1s), 5s, 1s, Instant::max()));
    EXPECT_FALSE(may_pet(at(1s), 5s, 1s, Instant::min()));
}

class WatchdogTest : public testing::Test {
  protected:
    void SetUp() override {
        if (!device.ready()) GTEST_SKIP() << device.problem();
    }
    std::unique_ptr<Watchdog> open(std::chrono::seconds timeout = 5s) {
        auto watchdog = Watchdog::open(device.path(), timeout, 500ms);
        EXPECT_TRUE(watchdog.has_value()) << watchdog.error().sentence;
        return watchdog ? std::move(*watchdog) : nullptr;
    }
    std::string refusal(std::chrono::seconds timeout = 5s) {
        const auto watchdog = Watchdog::open(device.path(), timeout, 500ms);
        EXPECT_FALSE(watchdog.has_value());
        return watchdog ? "" : watchdog.error().sentence;
    }
    FakeWatchdog device;
    const Instant now = io::boot_time();
};

TEST_F(WatchdogTest, OpeningArmsItWithTheTimeoutWished) {
    const auto watchdog = open(7s);
    EXPECT_EQ(watchdog->identity(), "stand-in");
    EXPECT_EQ(watchdog->timeout(), 7s);
    EXPECT_TRUE(watchdog->warnings().empty());
    EXPECT_TRUE(device.board().armed);
    EXPECT_EQ(device.board().timeout, 7);
}

TEST_F(WatchdogTest, ItIsPettedOnlyWhileTheSessionLasts) {
    const auto watchdog = open(5s);
    const int before = device.board().pets;
    EXPECT_EQ(watchdog->pet_until(now, now + 5500ms), true);
    EXPECT_EQ(device.board().pets, before + 1);
    EXPECT_EQ(watchdog->pet_until(now, now + 5499ms), false);
    EXPECT_EQ(watchdog->pet_until(now, now - 1s), false);
    EXPECT_EQ(device.board().pets, before + 1);
    EXPECT_TRUE(device.fires_at(io::boot_time() + 6s));
}

TEST_F(WatchdogTest, ReleaseDisarmsIt) {
    auto watchdog = open();
    EXPECT_TRUE(watchdog->release().has_value());
    EXPECT_TRUE(device.wait_until_closed(1));
    EXPECT_FALSE(device.board().armed);
}

TEST_F(WatchdogTest, WithoutReleaseItStaysArmed) {
    open().reset();
    EXPECT_TRUE(device.wait_until_closed(1));
    EXPECT_TRUE(device.board().armed);
}

Task<void> pet(Owner& owner, Watchdog& watchdog, Event& gone) {
    while (!gone.is_set()) {
        EXPECT_EQ(watchdog.pet_until(owner.loop->now(), owner.loop->now() + 10s), true);
        co_await owner.loop->sleep(pet_interval(watchdog.timeout()));
    }
}

// Petted in time it never fires; killed, its owner leaves it to fire.
TEST_F(WatchdogTest, ItFiresWhenItsOwnerIsKilled) {
    Shared<std::atomic<bool>> ready;
    Child owner([&] {
        Owner self;
        const auto watchdog = open(1s);
        Event never;
        Scope scope(self.loop->queue());
        scope.spawn(pet(self, *watchdog, never));
        self.drive_for(1200ms);
        *ready = true;
        self.loop->run_until(never);
    });
    const Instant latest = now + 10s;
    while (!*ready && io::boot_time() < latest) usleep(1000);
    EXPECT_FALSE(device.board().missed);
    EXPECT_GE(device.board().pets, 5);
    EXPECT_GT(device.due(), now + 1200ms);
    owner.kill();
    EXPECT_TRUE(device.wait_until_closed(1));
    EXPECT_TRUE(device.fires_at(io::boot_time() + 1001ms));
}

TEST_F(WatchdogTest, TheCommandDoesNotInheritIt) {
    Owner owner;
    auto watchdog = open();
    owner.start({"sleep", "10"});
    owner.loop->run_until([&] { return owner.command->pid() != 0; });
    EXPECT_TRUE(watchdog->release().has_value());
    EXPECT_TRUE(device.wait_until_closed(1));  // nobody else held it open
}

TEST_F(WatchdogTest, ATimeoutThatTheDriverCannotDoIsRefusedAndDisarmed) {
    device.board().longest = 3;
    EXPECT_NE(refusal().find("cannot do a timeout of 5 s, only 3 s"), std::string::npos);
    EXPECT_TRUE(device.wait_until_closed(1));
    EXPECT_FALSE(device.board().armed);
    device.board().set_error = EINVAL;
    EXPECT_NE(refusal().find("cannot do a timeout of 5 s"), std::string::npos);
}

TEST_F(WatchdogTest, ADriverWithAFixedTimeoutMustHaveTheRightOne) {
    device.board().options = WDIOF_MAGICCLOSE;
    EXPECT_NE(refusal(5s).find("only 10 s"), std::string::npos);
    EXPECT_EQ(open(10s)->timeout(), 10s);
}

TEST_F(WatchdogTest, WithoutMagicCloseItWarns) {
    device.board().options = WDIOF_SETTIMEOUT;
    auto watchdog = open();
    ASSERT_EQ(watchdog->warnings().size(), 1U);
    EXPECT_NE(watchdog->warnings()[0].find("magic close"), std::string::npos);
    EXPECT_TRUE(watchdog->release().has_value());
    EXPECT_TRUE(device.wait_until_closed(1));
    EXPECT_TRUE(device.board().armed);
}

TEST_F(WatchdogTest, EveryErrorIsOneSentence) {
    device.board().support_error = EIO;
    EXPECT_NE(refusal().find("WDIOC_GETSUPPORT failed: Input/output error"), std::string::npos);
    device.board().support_error = 0;
    device.board().set_error = EIO;
    EXPECT_NE(refusal().find("WDIOC_SETTIMEOUT failed: Input/output"), std::string::npos);
    device.board().set_error = 0;
    device.board().get_error = EIO;
    EXPECT_NE(refusal().find("WDIOC_GETTIMEOUT failed: Input/output"), std::string::npos);
    device.board().get_error = 0;

    const auto watchdog = open();
    device.board().pet_error = EIO;
    const Result<bool> petted = watchdog->pet_until(now, now + 10s);
    ASSERT_FALSE(petted.has_value());
    EXPECT_NE(petted.error().sentence.find("petting the watchdog failed"), std::string::npos);
    EXPECT_FALSE(watchdog->release().has_value());

    const auto none = Watchdog::open(device.path() + "0", 5s, 0s);
    EXPECT_NE(none.error().sentence.find("No such file"), std::string::npos);
    const auto file = Watchdog::open("/dev/null", 5s, 0s);
    EXPECT_NE(file.error().sentence.find("is no watchdog"), std::string::npos);
}

}  // namespace
}  // namespace diskpaxos
