// RegisterClient: a process that steps on one register of one active disk.
#pragma once

#include <string>
#include <string_view>

#include "async/task.hpp"
#include "disk/block.hpp"
#include "disk/disk.hpp"
#include "disk/step.hpp"

namespace diskpaxos::scsi {

class RegisterClient {
  public:
    struct Answer {
        int error = 0;
        StepVerdict verdict = StepVerdict::damaged;
        Rank promised;  // as it stood before
        Rank accepted;
        std::string value;

        bool done() const { return error == 0 && verdict == StepVerdict::done; }
    };

    RegisterClient(Disk& disk, std::uint64_t block, std::uint64_t who)
        : disk_(disk), block_(block), me_(who) {}

    static BlockAddress address_of(std::uint64_t block);
    static Bytes initial(std::uint64_t block, std::uint32_t block_size);

    Rank rank(std::uint64_t round) const { return {round, me_}; }

    Task<Answer> read(Rank rank);
    Task<Answer> write(Rank rank, std::string value);  // promises the same rank
    Task<Answer> again();                              // the last request once more
    Task<Answer> look(Io::Kind kind = Io::Kind::read, Rank beyond = Rank());

    // Reads at a rank above all it has seen, and writes the number that it found, plus one. Says
    // whether it is certain that it was counted; `doubts` are the others that may have been.
    Task<bool> increment();
    std::uint64_t doubts = 0;
    bool failed() const { return failed_; }  // the last request ended with an error

  private:
    Task<Answer> carry(IoPtr io);
    void note(const Answer& answer);

    Disk& disk_;
    std::uint64_t block_;
    Proposer me_;
    std::uint64_t seq_ = 0;
    std::uint64_t round_ = 0;
    bool failed_ = false;
    Bytes last_;  // request
    Rank last_rank_;
};

}  // namespace diskpaxos::scsi
