// SimDisk: the path of one process to one disk that reads and writes.
//
// A visit is a write and then, after the write is acknowledged, a read of the row block by block,
// each at an instant of its own: rows are not atomic (algorithms.md 6.1 O4, 14.3).
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "sim/path.hpp"

namespace diskpaxos::sim {

class SimDisk : public SimPath {
  public:
    using SimPath::SimPath;

    // Nothing lands any more.
    bool drained() const override { return outstanding_.empty() && echoes_ == 0; }
    void owner_died() override {
        SimPath::owner_died();
        answered_at_death_ = unanswered_ == 0;
    }
    bool released() const override { return orphaned() && (answered_at_death_ || drained()); }

  protected:
    void submit(Io& io) override;

  private:
    struct Letter {  // a write on its way; it has its own copy, the buffer belongs to the request
        std::uint64_t block;  // where it is meant to go
        Bytes content;
        bool late = false;    // its error is told before it lands
        bool landed = false;  // in part, or for the first time
        bool missed = false;  // the disk was gone when it came: it cannot be acknowledged
        Instant expires = Instant::max();  // no cable holds it longer
    };
    using LetterPtr = std::shared_ptr<Letter>;
    using Letters = std::vector<LetterPtr>;  // one write: block by block, each whole by itself

    void begin_write(Io& io);
    void begin_ghost(Io& io);
    Letters post(Io& io, bool late);
    void send(const LetterPtr& letter, Instant when);
    void land(const LetterPtr& letter);
    void land_in_parts(const LetterPtr& letter);
    void echo(const LetterPtr& letter);
    void settle(std::uint64_t block);
    void answer_write(Io& io, int error, const Letters& letters);
    void begin_read(Io& io);
    void read_block(Io& io, std::uint64_t index);

    // Per block: answers due and landings that may still come, those of faulty repetitions apart.
    std::map<std::uint64_t, unsigned> outstanding_;
    unsigned echoes_ = 0;
    unsigned unanswered_ = 0;  // writes
    bool answered_at_death_ = false;
};

}  // namespace diskpaxos::sim
