#include "scsi/sg_lun.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <iscsi/iscsi.h>
#include <linux/fs.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

extern "C" {
#include <scsi/sg_lib.h>
#include <scsi/sg_pt.h>
}

#include <algorithm>
#include <cerrno>
#include <csignal>

#include "base/check.hpp"
#include "base/errno_text.hpp"

namespace diskpaxos::scsi {

namespace {

constexpr int host_timed_out = 3;  // DID_TIME_OUT of the kernel's host status

struct Destruct {
    void operator()(sg_pt_base* request) const { destruct_scsi_pt_obj(request); }
};
using Request = std::unique_ptr<sg_pt_base, Destruct>;

// SG_IO on a partition or a volume counts blocks from the beginning of the disk beneath it, and
// would write there.
bool whole(int descriptor, const LunFacts& facts) {
    std::uint64_t bytes = 0;
    if (ioctl(descriptor, BLKGETSIZE64, &bytes) != 0) return true;  // a generic device
    return bytes == facts.blocks * facts.block_size;
}

// The kernel did not send it, or a driver or adapter failed it on its way.
Outcome judge_transport(const sg_pt_base* request, int category) {
    if (category == SCSI_PT_RESULT_OS_ERR) {
        const int error = get_scsi_pt_os_err(request);
        if (error == EAGAIN || error == EBUSY || error == ENOMEM) {
            return {Outcome::Kind::again, EBUSY};
        }
        return {Outcome::Kind::refused, error};
    }
    const bool late = get_scsi_pt_transport_err(request) == host_timed_out;
    return {Outcome::Kind::unknown, late ? ETIMEDOUT : EIO};
}

Outcome judge_request(const sg_pt_base* request, ByteView sense_bytes, scsi_sense& sense) {
    const int category = get_scsi_pt_result_category(request);
    if (category == SCSI_PT_RESULT_OS_ERR || category == SCSI_PT_RESULT_TRANSPORT_ERR) {
        return judge_transport(request, category);
    }
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(sense_bytes.data());
    sg_scsi_sense_hdr header{};
    const int length = get_scsi_pt_sense_len(request);
    int status = get_scsi_pt_status_response(request);
    if (length > 0 && sg_scsi_normalize_sense(bytes, length, &header)) {
        sense.error_type = header.response_code;
        sense.key = static_cast<scsi_sense_key>(header.sense_key);
        sense.ascq = header.asc << 8 | header.ascq;
        // Some drivers hand the sense over and leave the status at zero.
        if (category == SCSI_PT_RESULT_SENSE) status = SCSI_STATUS_CHECK_CONDITION;
    }
    return judge(status, sense);
}

}  // namespace

Task<Result<std::unique_ptr<SgLun>>> SgLun::open(World& world, io::Loop& loop, std::string path,
                                                 Duration time_out) {
    const std::string name = "scsi://" + path;
    const int number = ::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NONBLOCK);
    if (number < 0) {
        const Code code = errno == EACCES || errno == EPERM ? Code::permission : Code::io;
        co_return std::unexpected(Error{code, fmt::format("{}: {}", name, errno_text(errno))});
    }
    std::unique_ptr<SgLun> lun(new SgLun(world, loop, name, number, time_out));
    Result<void> known = co_await lun->learn();
    if (!known) co_return std::unexpected(known.error());
    if (!whole(number, lun->facts())) {
        co_return std::unexpected(Error{
            Code::usage,
            fmt::format("{}: a part of a SCSI disk; SCSI commands know the whole only", name)});
    }
    co_return std::move(lun);
}

SgLun::Shared::Shared(int number)
    : descriptor(number), wake(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    CHECK(wake >= 0);
}

SgLun::Shared::~Shared() {
    close(wake);
}

SgLun::SgLun(World& world, io::Loop& loop, std::string name, int descriptor, Duration time_out)
    : ScsiLun(world, std::move(name), time_out),
      loop_(loop),
      shared_(std::make_shared<Shared>(descriptor)),
      scope_(world.queue) {
    // The kernel gives up later than we do, so that its time-out is not what ends a healthy wait.
    shared_->seconds =
        static_cast<int>(std::chrono::ceil<std::chrono::seconds>(2 * time_out).count());
    loop_.watch_fd(shared_->wake, readable_);
    scope_.spawn(hand_out());
    sigset_t all;
    sigset_t before;
    sigfillset(&all);  // signals belong to the loop's thread
    pthread_sigmask(SIG_SETMASK, &all, &before);
    for (unsigned place = 0; place < threads_per_disk; ++place) {
        threads_[place] = std::thread(serve, shared_, place);
    }
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

SgLun::~SgLun() {
    std::array<bool, threads_per_disk> hung{};
    {
        const std::lock_guard guard(shared_->mutex);
        shared_->closed = true;
        hung = shared_->busy;
    }
    shared_->work.notify_all();
    for (unsigned place = 0; place < threads_per_disk; ++place) {
        hung[place] ? threads_[place].detach() : threads_[place].join();
    }
    loop_.forget_fd(shared_->wake);
}

void SgLun::begin(CommandPtr command) {
    {
        const std::lock_guard guard(shared_->mutex);
        shared_->asked.push_back(std::move(command));
    }
    shared_->work.notify_one();
}

Task<void> SgLun::hand_out() {
    std::vector<CommandPtr> answered;
    for (;;) {
        co_await readable_.wait();
        readable_.reset();
        {
            const std::lock_guard guard(shared_->mutex);
            eventfd_t count = 0;
            eventfd_read(shared_->wake, &count);
            answered.swap(shared_->answered);
        }
        for (const CommandPtr& command : answered) command->answered.set();
        answered.clear();
    }
}

void SgLun::serve(std::shared_ptr<Shared> shared, unsigned place) {
    std::unique_lock guard(shared->mutex);
    for (;;) {
        shared->work.wait(guard, [&] { return shared->closed || !shared->asked.empty(); });
        if (shared->closed) return;
        CommandPtr command = std::move(shared->asked.front());
        shared->asked.pop_front();
        shared->busy[place] = true;
        guard.unlock();
        perform(*shared, *command);
        guard.lock();
        shared->busy[place] = false;
        if (shared->closed) return;
        shared->answered.push_back(std::move(command));
        eventfd_write(shared->wake, 1);
    }
}

void SgLun::perform(const Shared& shared, Command& command) {
    scsi_task& task = command.task();
    std::array<std::byte, 64> sense{};
    const Request request(construct_scsi_pt_obj());
    CHECK(request != nullptr);
    set_scsi_pt_cdb(request.get(), task.cdb, task.cdb_size);
    set_scsi_pt_sense(request.get(), reinterpret_cast<std::uint8_t*>(sense.data()),
                      static_cast<int>(sense.size()));
    auto* data = reinterpret_cast<std::uint8_t*>(command.data().data());
    if (task.xfer_dir == SCSI_XFER_READ) {
        set_scsi_pt_data_in(request.get(), data, task.expxferlen);
    } else if (task.xfer_dir == SCSI_XFER_WRITE) {
        set_scsi_pt_data_out(request.get(), data, task.expxferlen);
    }
    do_scsi_pt(request.get(), shared.descriptor.number(), shared.seconds, 0);
    command.outcome = judge_request(request.get(), sense, task.sense);
    const int left = get_scsi_pt_resid(request.get());
    task.residual = left > 0 ? static_cast<std::size_t>(left) : 0;
    task.residual_status = left > 0 ? SCSI_RESIDUAL_UNDERFLOW : SCSI_RESIDUAL_NO_RESIDUAL;
}

}  // namespace diskpaxos::scsi
