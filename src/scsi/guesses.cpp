#include "scsi/guesses.hpp"

#include <algorithm>

namespace diskpaxos::scsi {

bool Guesses::recall(std::uint64_t block, ByteSpan into) const {
    const Guess& guess = guesses_[block % places];
    if (guess.block != block || !guess.trusted || guess.image.size() != into.size()) return false;
    std::ranges::copy(guess.image, into.begin());
    return true;
}

void Guesses::wrote(std::uint64_t block, ByteView image) {
    Guess& guess = at(block);
    const bool known = guess.block == block && !guess.image.empty();
    keep(guess, block, image);
    if (!known) guess.trusted = true;
}

void Guesses::saw(std::uint64_t block, ByteView image) {
    Guess& guess = at(block);
    const bool known = guess.block == block && !guess.image.empty();
    guess.trusted = !known || std::ranges::equal(guess.image, image);
    keep(guess, block, image);
}

void Guesses::missed(std::uint64_t block) {
    Guess& guess = at(block);
    if (guess.block == block) guess.trusted = false;
}

void Guesses::forget() {
    for (Guess& guess : guesses_) guess = {};
}

void Guesses::keep(Guess& guess, std::uint64_t block, ByteView image) {
    guess.block = block;
    guess.image.assign(image.begin(), image.end());
}

}  // namespace diskpaxos::scsi
