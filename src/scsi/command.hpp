// Command: one SCSI command, its data, and what became of it. It is shared by the one who waits for
// it and the one who carries it, and dies with the last of them.
#pragma once

#include <cstddef>
#include <cstdint>

#include <iscsi/scsi-lowlevel.h>  // takes these two for granted

#include <memory>

#include "async/event.hpp"
#include "base/bytes.hpp"
#include "disk/buffer.hpp"
#include "scsi/lun.hpp"

namespace diskpaxos::scsi {

class ScsiLun;

class Command {
  public:
    // Takes over the task, as libiscsi builds it. A command of data-out has its data here.
    explicit Command(scsi_task* task, ByteView out = {}, ByteView more = {});
    Command(const Command&) = delete;
    Command& operator=(const Command&) = delete;

    scsi_task& task() { return *task_; }
    ByteSpan data() { return data_.bytes(); }

    // Its data-in as libiscsi understands it, or null; belongs to the command.
    void* unmarshalled();

    ScsiLun* lun = nullptr;  // who carries it
    Outcome outcome;
    Event answered;

    void answer(Outcome what) {
        outcome = what;
        answered.set();
    }

  private:
    struct Free {
        void operator()(scsi_task* task) const { scsi_free_scsi_task(task); }
    };
    std::unique_ptr<scsi_task, Free> task_;
    // Begins a page. Where this memory is handed through to Linux's own target (tcm_loop), that
    // takes each block of a compare and write to begin one, and else writes other bytes than it was
    // given.
    Buffer data_;
};

using CommandPtr = std::shared_ptr<Command>;

// What a target means by a status and, if that is CHECK CONDITION, its sense data.
Outcome judge(int status, const scsi_sense& sense);

// The same for a person, as the end of a sentence.
const char* describe(const Outcome& outcome);

}  // namespace diskpaxos::scsi
