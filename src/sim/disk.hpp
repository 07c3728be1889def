// SimDisk: the path of one process to one platter. It carries requests in virtual time and does to
// them what faults.hpp allows. It outlives the process: what was submitted still happens.
//
// A visit is a write and then, after the write is acknowledged, a read of the row block by block,
// each at an instant of its own: rows are not atomic (algorithms.md 6.1 O4, 14.3).
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "disk/disk.hpp"
#include "sim/faults.hpp"
#include "sim/platter.hpp"
#include "sim/world.hpp"

namespace diskpaxos::sim {

class SimDisk;

enum class Landing : std::uint8_t {
    sound,
    late,    // sound, but its writer has been told of an error before
    faulty,  // torn, damaged, in another block, or once more
};

// Who watches the platters. Called at the very instant.
class Watch {
  public:
    virtual ~Watch() = default;
    // A write of this path reached the platter.
    virtual void landed(const SimDisk& path, Platter& platter, std::uint64_t block,
                        Landing how) = 0;
    // A write was submitted although an older one to the same block may still land.
    virtual void overlapped(const SimDisk& path, std::uint64_t block) = 0;
};

class SimDisk final : public Disk {
  public:
    SimDisk(SimWorld& world, Platter& platter, const Faults& faults, Watch& watch);

    std::uint32_t block_size() const override { return platter_.geometry().block_size; }
    std::uint64_t blocks() const override { return platter_.geometry().blocks(); }
    std::string_view name() const override { return name_; }

    Platter& platter() const { return platter_; }
    bool drained() const { return outstanding_.empty() && echoes_ == 0; }  // nothing lands any more
    std::uint64_t looks() const { return looks_; }      // reads without a write, so far
    void owner_died() { orphaned_ = true; }
    bool orphaned() const { return orphaned_; }

  protected:
    void submit(Io& io) override;

  private:
    struct Letter {  // a write on its way; it has its own copy, the buffer belongs to the request
        std::uint64_t block;  // where it is meant to go
        Bytes content;
        bool late = false;    // its error is told before it lands
        bool landed = false;  // in part, or for the first time
        bool missed = false;  // the disk was gone when it came: it cannot be acknowledged
    };
    using LetterPtr = std::shared_ptr<Letter>;
    using Letters = std::vector<LetterPtr>;  // one write: block by block, each whole by itself

    void begin_write(Io& io);
    void send(const LetterPtr& letter, Instant when);
    void land(const LetterPtr& letter);
    void land_in_parts(const LetterPtr& letter);
    void land_damaged(const Letter& letter);
    void echo(const LetterPtr& letter);
    void settle(std::uint64_t block);
    void answer_write(Io& io, int error, const Letters& letters);
    void begin_read(Io& io);
    void read_block(Io& io, std::uint64_t index);
    void copy_block(Io& io, std::uint64_t index);
    void finish(Io& io, int error);

    bool happens(unsigned permille) { return faults_.on && world_.chance(permille); }
    bool frail(unsigned permille) {
        return faults_.frail.contains(platter_.number()) && happens(permille);
    }
    bool treacherous(unsigned permille) {
        return faults_.treacherous.contains(platter_.number()) && happens(permille);
    }
    Instant later();  // when the next thing at this disk happens
    bool gone() const { return world_.now() < platter_.gone_until; }

    SimWorld& world_;
    Platter& platter_;
    const Faults& faults_;
    Watch& watch_;
    std::string name_;
    // Per block: answers due and landings that may still come, those of faulty repetitions apart.
    std::map<std::uint64_t, unsigned> outstanding_;
    unsigned echoes_ = 0;
    std::uint64_t looks_ = 0;
    bool orphaned_ = false;
};

}  // namespace diskpaxos::sim
