#include "scsi/command.hpp"

#include <iscsi/iscsi.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "base/check.hpp"

namespace diskpaxos::scsi {

namespace {

constexpr Outcome again() {
    return {Outcome::Kind::again, EBUSY};
}
constexpr Outcome refused(int error) {
    return {Outcome::Kind::refused, error};
}
constexpr Outcome unknown(int error) {
    return {Outcome::Kind::unknown, error};
}

Outcome judge_illegal(int ascq) {
    switch (ascq) {
        case SCSI_SENSE_ASCQ_INVALID_OPERATION_CODE:
            return refused(EOPNOTSUPP);
        case SCSI_SENSE_ASCQ_LBA_OUT_OF_RANGE:
            return refused(ENOSPC);
        case SCSI_SENSE_ASCQ_LOGICAL_UNIT_NOT_SUPPORTED:
            return refused(ENODEV);
        default:
            return refused(EINVAL);
    }
}

Outcome judge_sense(const scsi_sense& sense) {
    // What went wrong then was an earlier command, and this one was not executed; but what?
    const bool deferred = sense.error_type == SCSI_SENSE_FIXED_DEFERRED_ERRORS ||
                          sense.error_type == SCSI_SENSE_DESCRIPTOR_DEFERRED_ERRORS;
    if (deferred) return unknown(EIO);
    switch (sense.key) {
        case SCSI_SENSE_RECOVERED_ERROR:
            return {Outcome::Kind::good};
        case SCSI_SENSE_MISCOMPARE:
            return {Outcome::Kind::miscompare};
        case SCSI_SENSE_UNIT_ATTENTION:  // said instead of executing the command
        case SCSI_SENSE_NOT_READY:
            return again();
        case SCSI_SENSE_ILLEGAL_REQUEST:
            return judge_illegal(sense.ascq);
        case SCSI_SENSE_DATA_PROTECTION:
            return refused(EROFS);
        default:
            return unknown(EIO);  // medium or hardware error, aborted, no sense at all
    }
}

}  // namespace

Command::Command(scsi_task* task, ByteView out, ByteView more) : task_(task) {
    CHECK(task != nullptr);
    const auto length = static_cast<std::size_t>(task->expxferlen);
    data_.resize(length);
    auto* bytes = reinterpret_cast<unsigned char*>(data_.bytes().data());
    if (task->xfer_dir == SCSI_XFER_READ) {
        scsi_task_add_data_in_buffer(task, task->expxferlen, bytes);
    } else if (task->xfer_dir == SCSI_XFER_WRITE) {
        CHECK(out.size() + more.size() == length);
        std::memcpy(bytes, out.data(), out.size());
        if (!more.empty()) std::memcpy(bytes + out.size(), more.data(), more.size());
        scsi_task_add_data_out_buffer(task, task->expxferlen, bytes);
    }
}

void* Command::unmarshalled() {
    CHECK(outcome.good() && task_->xfer_dir == SCSI_XFER_READ);
    std::size_t length = data_.size();
    if (task_->residual_status == SCSI_RESIDUAL_UNDERFLOW) {
        length -= std::min(length, task_->residual);
    }
    free(task_->datain.data);  // libiscsi keeps it by malloc and frees it with the task
    task_->datain.data = static_cast<unsigned char*>(malloc(data_.size()));
    CHECK(task_->datain.data != nullptr);
    std::memcpy(task_->datain.data, data_.bytes().data(), data_.size());
    task_->datain.size = static_cast<int>(length);
    return length == 0 ? nullptr : scsi_datain_unmarshall(task_.get());
}

Outcome judge(int status, const scsi_sense& sense) {
    switch (status) {
        case SCSI_STATUS_GOOD:
        case SCSI_STATUS_CONDITION_MET:
            return {Outcome::Kind::good};
        case SCSI_STATUS_CHECK_CONDITION:
            return judge_sense(sense);
        case SCSI_STATUS_BUSY:
        case SCSI_STATUS_TASK_SET_FULL:
        case SCSI_STATUS_ACA_ACTIVE:
            return again();
        case SCSI_STATUS_RESERVATION_CONFLICT:
            return refused(EBADE);  // as the kernel calls it
        case SCSI_STATUS_TASK_ABORTED:
            return unknown(EIO);
        default:
            return unknown(ECONNABORTED);  // libiscsi's own: cancelled, error
    }
}

const char* describe(const Outcome& outcome) {
    switch (outcome.error) {
        case 0:
            return outcome.good() ? "done" : "the block is not what was expected";
        case EOPNOTSUPP:
            return "the target does not know this command";
        case EINVAL:
            return "the target does not take this command as it is";
        case EBADE:
            return "another initiator holds a reservation on the LUN";
        case EROFS:
            return "the LUN is write-protected";
        case ENODEV:
            return "there is no such LUN";
        case EBUSY:
            return "the target is busy or not ready";
        case ETIMEDOUT:
            return "no answer in time";
        case ENOTCONN:
        case ECONNABORTED:
            return "the connection to the target is lost";
        default:
            return std::strerror(outcome.error);
    }
}

}  // namespace diskpaxos::scsi
