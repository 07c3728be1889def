// Back-off of those who lost to a higher rank: a start drawn uniformly from a window that doubles
// with every loss (algorithms.md 10.1). Two windows' worth of one whole operation to begin with,
// so that even the first draw usually leaves one of two contenders alone long enough.
#pragma once

#include <algorithm>

#include "async/random.hpp"
#include "async/timer.hpp"

namespace diskpaxos {

// How long one of our own uncontended operations takes: a running mean. One that waited for a
// hanging disk counts as a slow one, not as what it took.
class Pace {
  public:
    explicit Pace(Duration guess) : mean_(guess) {}
    void observe(Duration took) { mean_ += (std::min(took, 4 * mean_) - mean_) / 8; }
    Duration mean() const { return std::max(mean_, Duration(std::chrono::microseconds(10))); }

  private:
    Duration mean_;
};

class Backoff {
  public:
    // Windows never exceed this many operations: as many as there may be contenders. Where each has
    // a slot they are few; where nobody has one, they are not.
    static constexpr int widest = 16;
    static constexpr int crowd = 64;

    explicit Backoff(Duration operation, int most = widest) : operation_(operation), most_(most) {}
    Duration next(Random& random);
    bool fresh() const { return windows_ == 2; }

  private:
    Duration operation_;
    int most_;
    int windows_ = 2;
};

}  // namespace diskpaxos
