#include "async/random.hpp"

#include <bit>

#include "base/check.hpp"

namespace diskpaxos {

std::uint64_t Random::bits(unsigned count) {
    CHECK(count >= 1 && count <= 64);
    if (count <= 32) return below(std::uint64_t{1} << count);
    return (below(std::uint64_t{1} << (count - 32)) << 32) | below(std::uint64_t{1} << 32);
}

SeededRandom::SeededRandom(std::uint64_t seed) {
    for (auto& word : state_) {
        seed += 0x9e3779b97f4a7c15ULL;
        std::uint64_t z = seed;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
        word = z ^ (z >> 31);
    }
}

std::uint64_t SeededRandom::next() {
    const std::uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
    const std::uint64_t t = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= t;
    state_[3] = std::rotl(state_[3], 45);
    return result;
}

std::uint64_t SeededRandom::below(std::uint64_t n) {
    CHECK(n > 0);
    const std::uint64_t limit = n * (~std::uint64_t{0} / n);  // reject the uneven tail
    for (;;) {
        const std::uint64_t draw = next();
        if (draw < limit) return draw % n;
    }
}

}  // namespace diskpaxos
