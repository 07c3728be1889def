#include "faulty_path.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <thread>
#include <utility>

namespace diskpaxos::faultfs {

namespace {

constexpr std::size_t sector = 512;

void answer_write(fuse_req_t fuse, ssize_t result) {
    if (result < 0) {
        fuse_reply_err(fuse, static_cast<int>(-result));
    } else {
        fuse_reply_write(fuse, static_cast<std::size_t>(result));
    }
}

}  // namespace

void FaultyPath::arrive(Request request) {
    Lasting now;
    NextWrite fault;
    {
        const std::lock_guard guard(mutex_);
        const bool write = request.direction == Direction::write;
        ++(write ? totals_.writes : totals_.reads);
        now = lasting(request.direction);
        if (now.hang) {
            held_.push_back(std::move(request));
            return;
        }
        if (write && now.error == 0) fault = take_next_write();
    }
    if (now.delay.count() > 0) std::this_thread::sleep_for(now.delay);
    if (now.error != 0) {
        fuse_reply_err(request.fuse, now.error);
    } else if (request.direction == Direction::write) {
        write_faultily(std::move(request), fault);
    } else {
        perform(request);
    }
}

FaultyPath::NextWrite FaultyPath::take_next_write() {
    NextWrite fault = std::exchange(next_, {});
    if (lose_ > 0) {
        --lose_;
        fault.lose = true;
    }
    return fault;
}

void FaultyPath::write_faultily(Request request, const NextWrite& fault) {
    const auto length = request.data.size();
    if (fault.lose) {
        answer_write(request.fuse, static_cast<ssize_t>(length));
        return;
    }
    if (fault.misdirect) request.offset = *fault.misdirect;
    if (fault.shorten) {
        request.data.resize(std::min(length, *fault.shorten));
        perform(request);
        return;
    }
    if (!fault.tear) {
        perform(request);
        return;
    }
    const std::string_view data = request.data;
    const ssize_t stored = store(data.substr(0, fault.tear->sectors * sector), request.offset);
    switch (fault.tear->answer) {
        case TearAnswer::hang:
            hold(std::move(request));
            break;
        case TearAnswer::error:
            fuse_reply_err(request.fuse, EIO);
            break;
        case TearAnswer::success:
            answer_write(request.fuse, stored < 0 ? stored : static_cast<ssize_t>(length));
            break;
    }
}

void FaultyPath::perform(const Request& request) const {
    if (request.direction == Direction::write) {
        answer_write(request.fuse, store(request.data, request.offset));
        return;
    }
    std::string data(request.length, '\0');
    const ssize_t result = pread(backing_, data.data(), data.size(), request.offset);
    if (result < 0) {
        fuse_reply_err(request.fuse, errno);
    } else {
        fuse_reply_buf(request.fuse, data.data(), static_cast<std::size_t>(result));
    }
}

ssize_t FaultyPath::store(std::string_view data, off_t offset) const {
    if (data.empty()) return 0;
    const ssize_t result = pwrite(backing_, data.data(), data.size(), offset);
    return result < 0 ? -errno : result;
}

int FaultyPath::flush() const {
    return fdatasync(backing_) == 0 ? 0 : errno;
}

void FaultyPath::hold(Request request) {
    const std::lock_guard guard(mutex_);
    held_.push_back(std::move(request));
}

void FaultyPath::hang(bool reads, bool writes) {
    const std::lock_guard guard(mutex_);
    if (reads) lasting(Direction::read).hang = true;
    if (writes) lasting(Direction::write).hang = true;
}

void FaultyPath::fail(bool reads, bool writes, int error) {
    const std::lock_guard guard(mutex_);
    if (reads) lasting(Direction::read).error = error;
    if (writes) lasting(Direction::write).error = error;
}

void FaultyPath::delay(bool reads, bool writes, std::chrono::microseconds time) {
    const std::lock_guard guard(mutex_);
    if (reads) lasting(Direction::read).delay = time;
    if (writes) lasting(Direction::write).delay = time;
}

void FaultyPath::tear(std::size_t sectors, TearAnswer answer) {
    const std::lock_guard guard(mutex_);
    next_.tear = Tear{sectors, answer};
}

void FaultyPath::lose(unsigned writes) {
    const std::lock_guard guard(mutex_);
    lose_ = writes;
}

void FaultyPath::misdirect(off_t offset) {
    const std::lock_guard guard(mutex_);
    next_.misdirect = offset;
}

void FaultyPath::shorten(std::size_t bytes) {
    const std::lock_guard guard(mutex_);
    next_.shorten = bytes;
}

void FaultyPath::clear() {
    const std::lock_guard guard(mutex_);
    lasting(Direction::read) = {};
    lasting(Direction::write) = {};
    next_ = {};
    lose_ = 0;
}

std::deque<Request> FaultyPath::take_held() {
    const std::lock_guard guard(mutex_);
    lasting(Direction::read).hang = false;
    lasting(Direction::write).hang = false;
    return std::exchange(held_, {});
}

void FaultyPath::release() {
    for (const Request& request : take_held()) perform(request);
}

void FaultyPath::drop() {
    for (const Request& request : take_held()) fuse_reply_err(request.fuse, EIO);
}

Totals FaultyPath::totals() const {
    const std::lock_guard guard(mutex_);
    Totals totals = totals_;
    totals.held = held_.size();
    return totals;
}

}  // namespace diskpaxos::faultfs
