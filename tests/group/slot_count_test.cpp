// One way of counting slots, and of calling hosts.
#include "group/slot_count.hpp"

#include <gtest/gtest.h>

namespace diskpaxos {
namespace {

Uuid host(std::uint8_t number) {
    Uuid id{};
    id.fill(std::byte{number});
    return id;
}

SlotView owned(std::uint8_t by, const std::string& name, SlotState state = SlotState::taken) {
    SlotView view;
    view.known = view.certain = true;
    view.owner = {.state = state, .turn = 1, .since_ms = by, .host = host(by), .host_name = name};
    return view;
}

SlotView nobodys(bool claimable) {
    SlotView view;
    view.known = view.certain = true;
    view.claimable = claimable;
    view.barred = !claimable;
    return view;
}

TEST(SlotCount, EachSlotCountsOnce) {
    const std::vector<SlotView> slots = {owned(1, "a"),    owned(1, "a", SlotState::borrowed),
                                         owned(2, "b"),    owned(3, "b", SlotState::borrowed),
                                         nobodys(true),    nobodys(false),
                                         nobodys(false),   SlotView()};
    const SlotCount count = count_slots(slots);
    EXPECT_EQ(count.free, 1U);
    EXPECT_EQ(count.barred, 2U);
    EXPECT_EQ(count.unknown, 1U);
    EXPECT_EQ(count.of(host(1)).owned, 1U);
    EXPECT_EQ(count.of(host(1)).lent, 1U);
    EXPECT_EQ(count.others(host(1)).owned, 1U);
    EXPECT_EQ(count.others(host(1)).lent, 1U);
    EXPECT_EQ(count.of(host(9)).owned, 0U);
}

TEST(SlotCount, HostsOfOneNameAreToldApart) {
    const SlotCount count = count_slots({owned(1, "a"), owned(2, "b"), owned(3, "b")});
    EXPECT_EQ(count.call(host(1)), "a");
    EXPECT_EQ(count.call(host(2)), "b (02020202)");
    EXPECT_EQ(count.call(host(3)), "b (03030303)");
}

TEST(SlotCount, AHostIsCalledAsItsNewestEntrySays) {
    SlotView older = owned(1, "old");
    SlotView newer = owned(1, "new");
    newer.owner.since_ms = 7;
    EXPECT_EQ(count_slots({newer, older}).call(host(1)), "new");
    EXPECT_EQ(count_slots({older, newer}).call(host(1)), "new");
}

}  // namespace
}  // namespace diskpaxos
