// OsRandom: chance from the kernel. Not buffered: a buffer copied by fork() would deal two
// processes the same incarnation, and a rank must never be used for two values.
#pragma once

#include "async/random.hpp"

namespace diskpaxos::io {

class OsRandom final : public Random {
  public:
    std::uint64_t below(std::uint64_t n) override;
};

}  // namespace diskpaxos::io
