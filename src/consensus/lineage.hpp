// Lineage: of each of the last processes that changed a record, the rank of the attempt that applied
// its last change, newest first; where nobody has a slot. Pure.
//
// Groups of 16 bytes. The first is a rank in full: round u64, proposer u64. Every further one holds
// two ranks, packed:
//
//   0 u64   bit 63 set · 62..48 how many rounds older than the one before · 47..0 the proposer's tag:
//           its low 48 bits, with the high 16 exclusive-ored upon bits 47 to 32
//   8 u64   bit 63 clear · the same of the next
// No rounds older: the list ends here, and the tag says whether that is all (1), or older ones had
// to be left out (0). What is packed is told from all others by its round, which no two changes of a
// record share, and by 48 random bits, as many as an incarnation has anywhere.
//
// Programs of before write only ranks in full, one for each change, and put a new one in front. So
// there may be several of those, before groups or without any; a rank of round 0 ends them. They take
// a group for a rank that is younger than all, of somebody else: so they never conclude from it that
// they did not apply a change, and say that they cannot tell.
#pragma once

#include <array>
#include <cstdint>

#include "base/bytes.hpp"
#include "base/rank.hpp"

namespace diskpaxos {

class Lineage {
  public:
    static constexpr std::size_t group = 16;  // bytes

    explicit Lineage(ByteView groups);

    bool empty() const { return count_ == 0; }
    Rank newest() const { return {heirs_[0].round, Proposer(heirs_[0].proposer)}; }
    // The round of the last change of `who`; 0: it is not in the list.
    std::uint64_t last_round(Proposer who) const;
    // Whether it may have had one at this round or a later one that is not in the list any more.
    bool may_have_lost(std::uint64_t first) const { return !whole_ && horizon_ >= first; }
    // Its change at this rank is the newest.
    void add(Rank at);
    // As many as there is room for.
    void write(ByteSpan groups) const;

  private:
    struct Heir {
        std::uint64_t round = 0;
        std::uint64_t proposer = 0;  // packed: its tag
        bool packed = false;

        bool is(Proposer who) const;
    };
    void read_packed(std::uint64_t word);

    static constexpr std::size_t most = 64;  // 63 in 32 groups, and a new one

    std::array<Heir, most> heirs_;
    std::size_t count_ = 0;
    bool ended_ = false;
    bool whole_ = false;          // there were no others, ever
    std::uint64_t horizon_ = 0;   // of those that were left out none is younger
};

}  // namespace diskpaxos
