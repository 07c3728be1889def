// Lun: one logical unit of a SCSI target, as much of it as a disk needs.
//
// Contract:
//  - Data that was written is durable when the command has come out well, and a read sees what any
//    other initiator has written: no cache of this host stands between.
//  - A command works on copies of its own. Whoever waits for it may stop waiting, or die; the
//    command goes on, and may be executed at any later time.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "async/task.hpp"
#include "base/bytes.hpp"

namespace diskpaxos::scsi {

// What became of a command.
struct Outcome {
    enum class Kind : std::uint8_t {
        good,
        miscompare,  // compare and write: something else lies there; nothing was written
        again,       // not executed, but it may be soon: busy, task set full, unit attention
        refused,     // not executed, and it will not be
        unknown,     // no answer: it may have been executed, or may still be
    };
    Kind kind = Kind::unknown;
    int error = 0;  // errno; 0 if good or a miscompare

    bool good() const { return kind == Kind::good; }
    bool operator==(const Outcome&) const = default;
};

// How a write is made durable.
enum class Durability : std::uint8_t {
    write_through,  // every write is
    fua,            // by a bit of the command
    flush,          // by SYNCHRONIZE CACHE after it
};

struct LunFacts {
    std::uint32_t block_size = 0;
    std::uint64_t blocks = 0;
    Durability durability = Durability::flush;
    // Names the LUN whatever leads to it ("naa.6001405…"); empty if the target gives it no name.
    std::string identity;
};

class Lun {
  public:
    Lun() = default;
    Lun(const Lun&) = delete;
    Lun& operator=(const Lun&) = delete;
    virtual ~Lun() = default;

    virtual const LunFacts& facts() const = 0;
    virtual std::string_view name() const = 0;  // never with a password

    // Whole blocks. `into` is filled only if the outcome is good.
    virtual Task<Outcome> read(std::uint64_t first, ByteSpan into) = 0;
    virtual Task<Outcome> write(std::uint64_t first, ByteView from) = 0;

    // Writes `next` if the block is `expected`, byte for byte, in one atomic step.
    virtual Task<Outcome> compare_and_write(std::uint64_t block, ByteView expected,
                                            ByteView next) = 0;
};

}  // namespace diskpaxos::scsi
