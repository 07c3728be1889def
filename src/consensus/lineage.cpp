#include "consensus/lineage.hpp"

#include <algorithm>

#include "base/check.hpp"

namespace diskpaxos {

namespace {

constexpr std::uint64_t flag = std::uint64_t{1} << 63;
constexpr unsigned tag_bits = 48;
constexpr std::uint64_t tag_mask = (std::uint64_t{1} << tag_bits) - 1;
constexpr std::uint64_t longest = 0x7fff;  // rounds between two that follow each other
constexpr std::uint64_t all_there_are = 1, others_left_out = 0;

// All 64 bits of a proposer have their part in it.
constexpr std::uint64_t tag_of(std::uint64_t proposer) {
    return (proposer ^ proposer >> 48 << 32) & tag_mask;
}

}  // namespace

bool Lineage::Heir::is(Proposer who) const {
    return packed ? proposer == tag_of(who.value) : proposer == who.value;
}

Lineage::Lineage(ByteView groups) {
    for (std::size_t at = 0; at < groups.size() && !ended_; at += group) {
        const auto first = load<std::uint64_t>(groups, at);
        const auto second = load<std::uint64_t>(groups, at + 8);
        if ((first & flag) != 0) {
            read_packed(first & ~flag);
            read_packed(second);
        } else if (first == 0) {
            ended_ = whole_ = true;
        } else {
            heirs_[count_++] = {first, second, false};
        }
    }
    if (!ended_ && count_ > 0) horizon_ = heirs_[count_ - 1].round;
}

void Lineage::read_packed(std::uint64_t word) {
    if (ended_) return;
    const std::uint64_t older = word >> tag_bits;
    const std::uint64_t last = count_ > 0 ? heirs_[count_ - 1].round : 0;
    if (older > 0 && older < last && count_ < most - 1) {
        heirs_[count_++] = {last - older, word & tag_mask, true};
        return;
    }
    ended_ = true;
    whole_ = older == 0 && (word & tag_mask) == all_there_are;
    horizon_ = last;
}

std::uint64_t Lineage::last_round(Proposer who) const {
    for (std::size_t i = 0; i < count_; ++i) {
        if (heirs_[i].is(who)) return heirs_[i].round;
    }
    return 0;
}

// In place of its own earlier change. Whoever begins another one has settled the one before.
void Lineage::add(Rank at) {
    const auto end = heirs_.begin() + static_cast<std::ptrdiff_t>(count_);
    const auto own =
        std::find_if(heirs_.begin(), end, [&](const Heir& heir) { return heir.is(at.proposer); });
    if (own == end) {
        CHECK(count_ < most);
        ++count_;
    }
    std::copy_backward(heirs_.begin(), own, own + 1);
    heirs_.front() = {at.round, at.proposer.value, false};
}

// The rounds fall from one to the next, or somebody else wrote it.
void Lineage::write(ByteSpan groups) const {
    store<std::uint64_t>(groups, 0, heirs_[0].round);
    store<std::uint64_t>(groups, 8, heirs_[0].proposer);
    std::size_t next = 1;
    bool cut = false;
    const auto word = [&] {
        const bool more = next < count_ && !cut;
        const std::uint64_t before = more ? heirs_[next - 1].round : 0;
        const std::uint64_t older = more ? before - heirs_[next].round : 0;
        if (more && older > 0 && older <= longest) {
            const Heir& heir = heirs_[next++];
            return older << tag_bits | (heir.packed ? heir.proposer : tag_of(heir.proposer));
        }
        cut = cut || more || !whole_;
        return cut ? others_left_out : all_there_are;
    };
    for (std::size_t at = group; at < groups.size(); at += group) {
        store<std::uint64_t>(groups, at, flag | word());
        store<std::uint64_t>(groups, at + 8, word());
    }
}

}  // namespace diskpaxos
