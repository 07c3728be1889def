// ScsiLun: a LUN by SCSI commands, whatever carries them. Builds the commands, waits for them no
// longer than the time-out, and knows what the LUN is.
#pragma once

#include <memory>
#include <string>

#include "async/world.hpp"
#include "diskpaxos/error.hpp"
#include "scsi/command.hpp"
#include "scsi/lun.hpp"

namespace diskpaxos::scsi {

class ScsiLun : public Lun {
  public:
    const LunFacts& facts() const override { return facts_; }
    std::string_view name() const override { return name_; }

    Task<Outcome> read(std::uint64_t first, ByteSpan into) override;
    Task<Outcome> write(std::uint64_t first, ByteView from) override;
    Task<Outcome> compare_and_write(std::uint64_t block, ByteView expected, ByteView next) override;

    // Asks the LUN what it is; first of all.
    Task<Result<void>> learn();

  protected:
    ScsiLun(World& world, std::string name, Duration time_out)
        : world_(world), time_out_(time_out), name_(std::move(name)) {}

    // Carries a command that has no answer yet, and answers it if it ever has one.
    virtual void begin(CommandPtr command) = 0;
    virtual void timed_out() {}  // a command was not answered in time

    World& world_;
    const Duration time_out_;

  private:
    // Asks again while the LUN has something else to say first, as after a login or a reset.
    Task<CommandPtr> ask(scsi_task* (*question)());
    Task<Outcome> perform(CommandPtr command);
    Task<Outcome> flush(std::uint64_t first, std::uint64_t count);
    Task<Result<void>> learn_capacity();
    Task<void> learn_durability();
    Task<void> learn_identity();
    int fua() const { return facts_.durability == Durability::fua ? 1 : 0; }

    std::string name_;
    LunFacts facts_;
};

}  // namespace diskpaxos::scsi
