#include "supervise/watchdog.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/watchdog.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <utility>

namespace diskpaxos {

namespace {

// The driver or its module was told never to stop once started. Only sysfs tells.
bool never_stops(int fd) {
    struct stat status{};
    if (fstat(fd, &status) != 0 || !S_ISCHR(status.st_mode)) return false;
    std::string folder =
        fmt::format("/sys/dev/char/{}:{}", major(status.st_rdev), minor(status.st_rdev));
    constexpr unsigned old_major = 10;  // /dev/watchdog, the old name of the first one
    if (major(status.st_rdev) == old_major) folder = "/sys/class/watchdog/watchdog0";
    std::ifstream file(folder + "/nowayout");
    int value = 0;
    return (file >> value) && value != 0;
}

}  // namespace

Result<std::unique_ptr<Watchdog>> Watchdog::open(const std::string& path,
                                                 std::chrono::seconds timeout, Duration reserve) {
    const int fd = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
    if (fd < 0) {
        const int error = errno;
        const Code code = error == EACCES || error == EPERM ? Code::permission
                          : error == EBUSY                  ? Code::in_use
                                                            : Code::io;
        const char* advice = error == EBUSY ? "; another program has it (wdmd, systemd?)" : "";
        return std::unexpected(Error{code, fmt::format("{}: cannot open the watchdog: {}{}", path,
                                                       std::strerror(error), advice)});
    }
    std::unique_ptr<Watchdog> watchdog(new Watchdog(path, fd, timeout, reserve));
    auto fine = watchdog->learn();
    if (fine) fine = watchdog->set_timeout();
    if (fine) return watchdog;
    watchdog->disarm();
    return std::unexpected(fine.error());
}

Watchdog::~Watchdog() {
    if (fd_ >= 0) close(fd_);
}

Error Watchdog::failed(const char* what) const {
    return {Code::io, fmt::format("{}: {} failed: {}", path_, what, std::strerror(errno))};
}

Result<void> Watchdog::learn() {
    watchdog_info info{};
    if (ioctl(fd_, WDIOC_GETSUPPORT, &info) != 0) {
        if (errno != ENOTTY) return std::unexpected(failed("WDIOC_GETSUPPORT"));
        return std::unexpected(Error{Code::usage, path_ + " is no watchdog device"});
    }
    options_ = info.options;
    const char* name = reinterpret_cast<const char*>(info.identity);
    identity_ = std::string(name, strnlen(name, sizeof info.identity));
    if ((options_ & WDIOF_MAGICCLOSE) == 0) {
        warnings_.push_back(path_ +
                            ": the driver knows no magic close: once armed, it may reset "
                            "the machine even after the lock was released");
    } else if (never_stops(fd_)) {
        warnings_.push_back(path_ +
                            ": the driver was loaded with nowayout: it will reset the "
                            "machine even after the lock was released");
    }
    return {};
}

Result<void> Watchdog::set_timeout() {
    const int wished = static_cast<int>(timeout_.count());
    const auto refused = [&](const std::string& granted) {
        return std::unexpected(
            Error{Code::usage, fmt::format("{}: the driver \"{}\" cannot do a timeout of {} s{}; "
                                           "choose another TTL or watchdog",
                                           path_, identity_, wished, granted)});
    };
    if ((options_ & WDIOF_SETTIMEOUT) != 0) {
        int seconds = wished;
        if (ioctl(fd_, WDIOC_SETTIMEOUT, &seconds) != 0) {
            if (errno == EINVAL) return refused("");
            return std::unexpected(failed("WDIOC_SETTIMEOUT"));
        }
    }
    int granted = 0;  // asked again: a driver may round without telling
    if (ioctl(fd_, WDIOC_GETTIMEOUT, &granted) != 0) {
        return std::unexpected(failed("WDIOC_GETTIMEOUT"));
    }
    if (granted != wished) return refused(fmt::format(", only {} s", granted));
    return {};
}

Result<bool> Watchdog::pet_until(Instant now, Instant valid_until) {
    if (!may_pet(now, timeout_, reserve_, valid_until)) return false;
    // Any byte but 'V'. Every driver knows this; WDIOC_KEEPALIVE is optional.
    if (write(fd_, "\0", 1) != 1) return std::unexpected(failed("petting the watchdog"));
    return true;
}

Result<void> Watchdog::release() {
    if ((options_ & WDIOF_MAGICCLOSE) != 0 && write(fd_, "V", 1) != 1) {
        return std::unexpected(failed("the magic close"));
    }
    const int fd = std::exchange(fd_, -1);
    if (close(fd) != 0) return std::unexpected(failed("close"));
    return {};
}

// Of a device that we do not keep: as well as it can be done.
void Watchdog::disarm() {
    if ((options_ & WDIOF_MAGICCLOSE) != 0) static_cast<void>(!release());
}

}  // namespace diskpaxos
