// Random: the only way in which protocol code sees chance. Integer arithmetic only, no std
// distributions, so that a seed means the same on every machine.
#pragma once

#include <array>
#include <cstdint>

namespace diskpaxos {

class Random {
  public:
    virtual ~Random() = default;
    virtual std::uint64_t below(std::uint64_t n) = 0;  // uniform in 0 … n-1; n > 0
    std::uint64_t bits(unsigned count);                // 1 … 64 random bits
    bool one_in(std::uint64_t n) { return below(n) == 0; }
};

// xoshiro256** (Blackman & Vigna), seeded by splitmix64.
class SeededRandom final : public Random {
  public:
    explicit SeededRandom(std::uint64_t seed);
    std::uint64_t below(std::uint64_t n) override;

  private:
    std::uint64_t next();
    std::array<std::uint64_t, 4> state_;
};

}  // namespace diskpaxos
