// 128-bit digests of states. Two different states with one digest would hide a schedule; with 2^24
// states the odds of that are below 2^-80, so a digest stands for its state.
#pragma once

#include <compare>
#include <cstdint>
#include <vector>

namespace diskpaxos::exhaustive {

struct Digest {
    std::uint64_t high = 0;
    std::uint64_t low = 0;
    auto operator<=>(const Digest&) const = default;
};

class Hasher {
  public:
    Hasher& add(std::uint64_t word) {
        high_ = mix(high_ ^ word, 0x9e3779b97f4a7c15ULL);
        low_ = mix(low_ + word, 0xd1342543de82ef95ULL);
        return *this;
    }
    Hasher& add(const Digest& digest) { return add(digest.high).add(digest.low); }
    Digest done() const { return {high_, low_}; }

  private:
    static std::uint64_t mix(std::uint64_t word, std::uint64_t factor) {
        word = (word ^ (word >> 32)) * factor;
        word = (word ^ (word >> 29)) * 0xbf58476d1ce4e5b9ULL;
        return word ^ (word >> 32);
    }
    std::uint64_t high_ = 0x243f6a8885a308d3ULL;
    std::uint64_t low_ = 0x13198a2e03707344ULL;
};

struct DigestHash {  // for the standard containers
    std::size_t operator()(const Digest& digest) const { return digest.high; }
};

// A set of digests: open addressing, no deletion.
class DigestSet {
  public:
    DigestSet() : table_(1U << 12) {}
    std::size_t size() const { return used_; }

    bool insert(const Digest& digest) {  // whether it is new
        if (2 * (used_ + 1) > table_.size()) grow();
        if (!place(digest)) return false;
        ++used_;
        return true;
    }

  private:
    bool place(const Digest& digest) {
        std::size_t at = digest.low & (table_.size() - 1);
        for (; table_[at] != Digest{}; at = (at + 1) & (table_.size() - 1)) {
            if (table_[at] == digest) return false;
        }
        table_[at] = digest;
        return true;
    }
    void grow() {
        std::vector<Digest> old(table_.size() * 2);
        old.swap(table_);
        for (const Digest& digest : old) {
            if (digest != Digest{}) place(digest);
        }
    }

    std::vector<Digest> table_;  // a digest of all zeroes means empty
    std::size_t used_ = 0;
};

}  // namespace diskpaxos::exhaustive
