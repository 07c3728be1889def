#include "scsi/scsi_lun.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "scsi/identity.hpp"

namespace diskpaxos::scsi {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t most_bytes = 128 * 1024;  // of one command
constexpr unsigned most_questions = 12;  // libiscsi, too, takes ten unit attentions for broken
constexpr Duration question_pause = 20ms;
constexpr int dpofua = 0x10;  // of the device-specific parameter of a disk's mode sense

scsi_task* ask_capacity() {
    return scsi_cdb_readcapacity16();
}
scsi_task* ask_caching() {
    return scsi_cdb_modesense6(1, SCSI_MODESENSE_PC_CURRENT, SCSI_MODEPAGE_CACHING, 0, 252);
}
scsi_task* ask_identification() {
    return scsi_cdb_inquiry(1, SCSI_INQUIRY_PAGECODE_DEVICE_IDENTIFICATION, 1024);
}
scsi_task* ask_serial_number() {
    return scsi_cdb_inquiry(1, SCSI_INQUIRY_PAGECODE_UNIT_SERIAL_NUMBER, 252);
}

}  // namespace

Task<Outcome> ScsiLun::perform(CommandPtr command) {
    const Instant deadline = world_.clock.now() + time_out_;
    command->lun = this;
    begin(command);
    const bool answered = co_await command->answered.wait_until(world_.clock, deadline);
    if (answered) co_return command->outcome;
    timed_out();
    const Outcome silence{Outcome::Kind::unknown, ETIMEDOUT};
    co_return silence;
}

Task<Outcome> ScsiLun::read(std::uint64_t first, ByteSpan into) {
    const std::uint32_t size = facts_.block_size;
    while (!into.empty()) {
        const ByteSpan part = into.first(std::min(into.size(), most_bytes));
        const auto length = static_cast<std::uint32_t>(part.size());
        auto command = std::make_shared<Command>(
            scsi_cdb_read16(first, length, static_cast<int>(size), 0, 0, fua(), 0, 0));
        const Outcome outcome = co_await perform(command);
        if (!outcome.good()) co_return outcome;
        if (command->task().residual_status != SCSI_RESIDUAL_NO_RESIDUAL) {
            const Outcome half{Outcome::Kind::unknown, EIO};
            co_return half;
        }
        std::ranges::copy(command->data(), part.begin());
        into = into.subspan(part.size());
        first += part.size() / size;
    }
    const Outcome all{Outcome::Kind::good};
    co_return all;
}

Task<Outcome> ScsiLun::write(std::uint64_t first, ByteView from) {
    const std::uint32_t size = facts_.block_size;
    while (!from.empty()) {
        const ByteView part = from.first(std::min(from.size(), most_bytes));
        const auto length = static_cast<std::uint32_t>(part.size());
        auto command = std::make_shared<Command>(
            scsi_cdb_write16(first, length, static_cast<int>(size), 0, 0, fua(), 0, 0), part);
        Outcome outcome = co_await perform(command);
        if (outcome.good()) outcome = co_await flush(first, part.size() / size);
        if (!outcome.good()) co_return outcome;
        from = from.subspan(part.size());
        first += part.size() / size;
    }
    const Outcome all{Outcome::Kind::good};
    co_return all;
}

Task<Outcome> ScsiLun::compare_and_write(std::uint64_t block, ByteView expected, ByteView next) {
    const auto size = static_cast<int>(facts_.block_size);
    auto command = std::make_shared<Command>(
        scsi_cdb_compareandwrite(block, static_cast<std::uint32_t>(2 * size), size, 0, 0, fua(), 0,
                                 0),
        expected, next);
    Outcome outcome = co_await perform(command);
    if (outcome.good()) outcome = co_await flush(block, 1);
    co_return outcome;
}

// What was written is there, but not yet for good; only a flush that came out well makes it so.
Task<Outcome> ScsiLun::flush(std::uint64_t first, std::uint64_t count) {
    Outcome outcome{Outcome::Kind::good};
    if (facts_.durability != Durability::flush) co_return outcome;
    auto command = std::make_shared<Command>(
        scsi_cdb_synchronizecache16(first, static_cast<std::uint32_t>(count), 0, 0));
    outcome = co_await perform(command);
    if (!outcome.good()) outcome.kind = Outcome::Kind::unknown;
    co_return outcome;
}

Task<CommandPtr> ScsiLun::ask(scsi_task* (*question)()) {
    CommandPtr command;
    for (unsigned asked = 0; asked < most_questions; ++asked) {
        command = std::make_shared<Command>(question());
        const Outcome outcome = co_await perform(command);
        command->outcome = outcome;  // also if it was silence
        if (outcome.kind != Outcome::Kind::again) break;
        co_await world_.clock.sleep(question_pause);
    }
    co_return command;
}

Task<Result<void>> ScsiLun::learn() {
    Result<void> known = co_await learn_capacity();
    if (known) {
        co_await learn_durability();
        co_await learn_identity();
    }
    co_return known;
}

Task<Result<void>> ScsiLun::learn_capacity() {
    const CommandPtr command = co_await ask(ask_capacity);
    void* answer = command->outcome.good() ? command->unmarshalled() : nullptr;
    if (answer == nullptr) {
        const Code code = command->outcome.error == EPERM ? Code::permission : Code::io;
        co_return std::unexpected(
            Error{code, fmt::format("{}: the LUN does not say how large it is: {}", name_,
                                    describe(command->outcome))});
    }
    const auto& capacity = *static_cast<scsi_readcapacity16*>(answer);
    facts_.block_size = capacity.block_length;
    facts_.blocks = capacity.returned_lba + 1;
    if (facts_.block_size != 512 && facts_.block_size != 4096) {
        co_return std::unexpected(
            Error{Code::bad_data, fmt::format("{}: blocks of {} bytes; they must have 512 or 4096",
                                              name_, facts_.block_size)});
    }
    co_return Result<void>();
}

// A target that says nothing of its cache is taken to have one.
Task<void> ScsiLun::learn_durability() {
    facts_.durability = Durability::flush;
    const CommandPtr command = co_await ask(ask_caching);
    if (!command->outcome.good()) co_return;
    auto* sense = static_cast<scsi_mode_sense*>(command->unmarshalled());
    if (sense == nullptr) co_return;
    const scsi_mode_page* page = scsi_modesense_get_page(sense, SCSI_MODEPAGE_CACHING, 0);
    if ((sense->device_specific_parameter & dpofua) != 0) {
        facts_.durability = Durability::fua;
    } else if (page != nullptr && page->caching.wce == 0) {
        facts_.durability = Durability::write_through;
    }
}

Task<void> ScsiLun::learn_identity() {
    const CommandPtr long_names = co_await ask(ask_identification);
    if (long_names->outcome.good()) facts_.identity = identity_of(long_names->unmarshalled());
    if (!facts_.identity.empty()) co_return;
    const CommandPtr serial = co_await ask(ask_serial_number);
    if (serial->outcome.good()) facts_.identity = serial_of(serial->unmarshalled());
}

}  // namespace diskpaxos::scsi
