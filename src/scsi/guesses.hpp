// Guesses: the last image seen of some blocks. A guess saves the read before a compare and write.
// It decides nothing: what is said of a block is said of an image that was compared or read.
//
// A guess that missed is not tried again until a read has shown that nobody came between: where
// processes take turns on a register, a guess costs one command more than it saves.
#pragma once

#include <cstdint>
#include <vector>

#include "base/bytes.hpp"

namespace diskpaxos::scsi {

class Guesses {
  public:
    // Copies the image to try into `into`, if there is one.
    bool recall(std::uint64_t block, ByteSpan into) const;

    void wrote(std::uint64_t block, ByteView image);  // now it is this, because we made it so
    void saw(std::uint64_t block, ByteView image);    // now it is this, as a read has shown
    void missed(std::uint64_t block);                 // it was not what recall() gave
    void forget();                                    // all of them: somebody wrote past us

  private:
    static constexpr std::size_t places = 256;  // a block has one place, and shares it
    struct Guess {
        std::uint64_t block = 0;
        Bytes image;  // empty: none
        bool trusted = false;
    };
    Guess& at(std::uint64_t block) { return guesses_[block % places]; }
    void keep(Guess& guess, std::uint64_t block, ByteView image);

    std::vector<Guess> guesses_ = std::vector<Guess>(places);
};

}  // namespace diskpaxos::scsi
