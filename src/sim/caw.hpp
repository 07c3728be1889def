// SimCaw: the path of one process to an active disk that knows no steps, but COMPARE AND WRITE of
// one block. The process steps itself: it reads the block, computes the next, and has it written
// if the old one still stands there. If not, it looks again. All else is read and written there as
// on any disk. Its slots are locked by a file of the host, which waits for no write to land.
#pragma once

#include <memory>

#include "sim/disk.hpp"

namespace diskpaxos::sim {

class SimCaw final : public SimDisk {
  public:
    using SimDisk::SimDisk;

    bool drained() const override { return true; }

  protected:
    void submit(Io& io) override;

  private:
    enum class Fate : std::uint8_t { unknown, written, miscompared };
    struct Command {
        std::uint64_t block = 0;
        Bytes old;
        Bytes next;
        Fate fate = Fate::unknown;
        bool told = false;    // its answer has been given
        bool missed = false;  // the disk was gone when it came
    };
    using CommandPtr = std::shared_ptr<Command>;

    void read(Io& io, std::uint64_t block);
    void arrived(Io& io);
    void compare_and_write(Io& io, Bytes next);
    void send(const CommandPtr& command, Instant when);
    void execute(const CommandPtr& command);
    void conclude(Io& io, const CommandPtr& command, bool error);

    static constexpr std::uint64_t most_rounds = 16;
};

}  // namespace diskpaxos::sim
