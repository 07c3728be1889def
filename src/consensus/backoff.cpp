#include "consensus/backoff.hpp"

namespace diskpaxos {

Duration Backoff::next(Random& random) {
    const auto window = static_cast<std::uint64_t>((operation_ * windows_).count());
    windows_ = std::min(windows_ * 2, most_);
    return Duration(static_cast<Duration::rep>(random.below(window) + 1));
}

}  // namespace diskpaxos
