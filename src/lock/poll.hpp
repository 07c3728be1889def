// Poll: how often a waiter looks. Eager while the lock changes hands quickly, lazy while it does
// not: a waiter costs each disk at most one read of one row per eager_poll, and one per lazy_poll
// as soon as the lock has been held for a few of them.
#pragma once

#include "lock/timing.hpp"

namespace diskpaxos {

class Poll {
  public:
    explicit Poll(const Timing& timing) : lazy_(timing.lazy_poll()) {}

    // The lock's last token, and how many stand ahead of us.
    Duration next(Instant now, std::uint64_t token, std::size_t ahead) {
        if (seen_ && token != token_) {  // so many hand-overs since: how long one takes
            const auto count = static_cast<Duration::rep>(token - token_);
            pause_ = (now - since_) / count * static_cast<Duration::rep>(ahead + 1) / 2;
        } else if (seen_) {
            pause_ = pause_ * 3 / 2;
        }
        if (!seen_ || token != token_) {
            token_ = token;
            since_ = now;
        }
        seen_ = true;
        pause_ = std::clamp(pause_, Timing::eager_poll, lazy_);
        return pause_;
    }

  private:
    Duration lazy_;
    Duration pause_ = Timing::eager_poll;
    bool seen_ = false;
    std::uint64_t token_ = 0;
    Instant since_{};
};

}  // namespace diskpaxos
