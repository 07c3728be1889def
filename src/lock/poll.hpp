// Poll: how often a waiter looks. Eager while the lock changes hands quickly, lazy while it does
// not: a waiter costs each disk at most one read of one row per eager_poll, and one per lazy_poll
// as soon as the lock has been held for a few of them. The first in the queue looks some eight
// times per hand-over, so that its own delay does not set the pace; those behind it need not.
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
            const auto eighths = static_cast<Duration::rep>(ahead == 0 ? 1 : 4 * ahead);
            pause_ = (now - since_) / count * eighths / 8;
        } else if (seen_) {
            pause_ = pause_ * 5 / 4;
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
