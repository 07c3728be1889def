// CawDisk: a disk array as an active disk. A step is done at the client and put in force by SCSI
// COMPARE AND WRITE (opcode 89h): look at the block, compute what it shall be, write that if the
// block is still what we looked at; if it is not, look again (algorithms.md 3.3, last point).
//
// A miscompare is not a refusal. It says that the block has changed, and the change may be our
// own: a command that timed out, or whose connection broke, may have been executed. So a miscompare
// is never answered, and the image is never written again unlooked: the step is computed anew from
// what lies there now. Each image carries the tag of its writer and the rank it was written at, and
// step() answers a request that has been executed before as done.
//
// `done` is said only by a compare and write that came out well. If the register is already as it
// shall be, it is compared with itself and written once more, because what a read has shown may
// still be in a volatile cache of the target. The other verdicts promise nothing, and a read is
// enough for them.
//
// The first try is made on the image seen last: for one who steps alone, a step is one command.
#pragma once

#include <memory>
#include <utility>

#include "async/scope.hpp"
#include "async/world.hpp"
#include "disk/disk.hpp"
#include "scsi/guesses.hpp"
#include "scsi/lun.hpp"

namespace diskpaxos::scsi {

class CawDisk final : public Disk {
  public:
    struct Counts {
        std::uint64_t reads = 0;  // commands
        std::uint64_t writes = 0;
        std::uint64_t compares = 0;
        std::uint64_t misses = 0;  // compares that found something else
    };

    // Commands that may be tried again are, until `patience` is over.
    CawDisk(World& world, std::unique_ptr<Lun> lun, Duration patience);

    std::uint32_t block_size() const override { return lun_->facts().block_size; }
    std::uint64_t blocks() const override { return lun_->facts().blocks; }
    std::string_view name() const override { return lun_->name(); }
    bool active() const override { return true; }

    const LunFacts& facts() const { return lun_->facts(); }
    const Counts& counts() const { return counts_; }

  protected:
    void submit(Io& io) override;

  private:
    // Whether a command that was not done may be tried again, and after how long.
    class Retry {
      public:
        Retry(World& world, Duration patience)
            : world_(world), until_(world.clock.now() + patience) {}
        bool may_follow(const Outcome& outcome);
        Duration pause();

      private:
        World& world_;
        Instant until_;
        unsigned misses_ = 0;  // in a row
        unsigned failures_ = 0;
    };

    Task<void> serve(Io& io);
    Task<int> perform(Io& io);  // these give an errno, 0 if all is well
    Task<int> read(Io& io);
    Task<int> write(Io& io);
    Task<int> visit(Io& io);
    Task<int> step(Io& io);
    Task<int> watch(Io& io);
    Task<Outcome> look(Io& io);
    Task<Outcome> compare_and_write(Io& io, ByteView next);

    World& world_;
    std::unique_ptr<Lun> lun_;
    Duration patience_;
    Guesses guesses_;
    Counts counts_;
    Scope scope_;  // last: what is served dies first
};

}  // namespace diskpaxos::scsi
