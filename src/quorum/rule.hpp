// Which sets of disks suffice. Majority today; flexible, dissemination and masking quorums
// (algorithms.md 8) implement the same interface.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

namespace diskpaxos {

class DiskSet {  // a set of disk numbers, 0 … 31
  public:
    constexpr DiskSet() = default;
    constexpr void insert(std::size_t disk) { bits_ |= 1U << disk; }
    constexpr void erase(std::size_t disk) { bits_ &= ~(1U << disk); }
    constexpr bool contains(std::size_t disk) const { return (bits_ >> disk & 1U) != 0; }
    constexpr std::size_t size() const { return static_cast<std::size_t>(std::popcount(bits_)); }
    constexpr bool empty() const { return bits_ == 0; }
    constexpr DiskSet operator|(DiskSet other) const { return DiskSet(bits_ | other.bits_); }
    constexpr bool operator==(const DiskSet&) const = default;
    constexpr std::uint32_t bits() const { return bits_; }
    static constexpr DiskSet first(std::size_t count) {
        return DiskSet(count >= 32 ? ~0U : (1U << count) - 1);
    }

  private:
    constexpr explicit DiskSet(std::uint32_t bits) : bits_(bits) {}
    std::uint32_t bits_ = 0;
};

// What a quorum is for. Every read quorum must meet every write quorum, and a recovery quorum
// both (algorithms.md 7.1, 8.1).
enum class Purpose : std::uint8_t { read, write, recover };

struct Purposes {  // several at once: the fast path needs a set that serves reads and writes (6.3)
    bool read = false;
    bool write = false;
    bool recover = false;
};

class QuorumRule {
  public:
    virtual ~QuorumRule() = default;
    virtual std::size_t disks() const = 0;
    virtual bool suffices(Purpose purpose, DiskSet disks) const = 0;
    bool suffices(Purposes purposes, DiskSet disks) const {
        return (!purposes.read || suffices(Purpose::read, disks)) &&
               (!purposes.write || suffices(Purpose::write, disks)) &&
               (!purposes.recover || suffices(Purpose::recover, disks));
    }
};

// So many disks of n for each purpose. A majority is the threshold n/2 + 1 for all three.
class Threshold final : public QuorumRule {
  public:
    Threshold(std::size_t disks, std::size_t read, std::size_t write, std::size_t recover)
        : disks_(disks), read_(read), write_(write), recover_(recover) {}
    static Threshold majority(std::size_t disks) {
        return {disks, disks / 2 + 1, disks / 2 + 1, disks / 2 + 1};
    }

    std::size_t disks() const override { return disks_; }
    using QuorumRule::suffices;
    bool suffices(Purpose purpose, DiskSet disks) const override;
    bool intersects() const;  // whether the sets meet as they must; a rule that does not is refused

  private:
    std::size_t disks_, read_, write_, recover_;
};

}  // namespace diskpaxos
