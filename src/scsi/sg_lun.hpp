// SgLun: a SCSI disk that the kernel has attached, by SG_IO on its device: not the kernel's reads
// and writes, which know no COMPARE AND WRITE. SG_IO blocks, so threads of the disk's own do it.
//
// Threads touch nothing but the command they carry and what is behind a mutex. One that hangs in
// the kernel cannot be ended: it keeps what it needs alive by itself, and outlives the LUN.
#pragma once

#include <array>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "async/scope.hpp"
#include "io/loop.hpp"
#include "io/open_disk.hpp"
#include "scsi/scsi_lun.hpp"

namespace diskpaxos::scsi {

class SgLun final : public ScsiLun {
  public:
    // The path of a block or generic SCSI device, but not of a part of one. Asks for the facts.
    static Task<Result<std::unique_ptr<SgLun>>> open(World& world, io::Loop& loop, std::string path,
                                                     Duration time_out);
    ~SgLun() override;

  protected:
    void begin(CommandPtr command) override;

  private:
    static constexpr unsigned threads_per_disk = 4;

    struct Shared {  // with the threads
        explicit Shared(int number);
        ~Shared();
        const io::Descriptor descriptor;
        const int wake;  // an eventfd: can be read when something has been answered
        int seconds = 0;
        std::mutex mutex;
        std::condition_variable work;
        std::deque<CommandPtr> asked;
        std::vector<CommandPtr> answered;
        std::array<bool, threads_per_disk> busy{};
        bool closed = false;
    };

    SgLun(World& world, io::Loop& loop, std::string name, int descriptor, Duration time_out);
    Task<void> hand_out();
    static void serve(std::shared_ptr<Shared> shared, unsigned place);
    static void perform(const Shared& shared, Command& command);

    io::Loop& loop_;
    std::shared_ptr<Shared> shared_;
    Event readable_;
    std::array<std::thread, threads_per_disk> threads_;
    Scope scope_;  // last
};

}  // namespace diskpaxos::scsi
