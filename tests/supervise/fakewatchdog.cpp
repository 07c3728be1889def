// diskpaxos-fakewatchdog MOUNT BOARD: MOUNT/watchdog behaves like a Linux watchdog device, as far
// as a file can: what BOARD says it can do, and notes there what is done with it. Ends on SIGTERM.
#define FUSE_USE_VERSION 314
#include "fakewatchdog.hpp"

#include <fcntl.h>
#include <fuse3/fuse_lowlevel.h>
#include <linux/watchdog.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>

namespace diskpaxos::fakewatchdog {
namespace {

constexpr fuse_ino_t device = 2;

Board* board = nullptr;
bool magic = false;  // the last thing that was written was a 'V'

std::int64_t now() {
    timespec time{};
    clock_gettime(CLOCK_BOOTTIME, &time);
    return time.tv_sec * 1'000'000'000LL + time.tv_nsec;
}

void pet() {
    if (board->armed && now() > board->due) board->missed = true;
    ++board->pets;
    board->due = now() + board->timeout * 1'000'000'000LL;
}

struct stat status_of(fuse_ino_t inode) {
    struct stat status{};
    status.st_ino = inode;
    status.st_mode = inode == device ? S_IFREG | 0600 : S_IFDIR | 0755;
    status.st_nlink = 1;
    return status;
}

void look_up(fuse_req_t request, fuse_ino_t, const char* name) {
    if (std::strcmp(name, "watchdog") != 0) {
        fuse_reply_err(request, ENOENT);
        return;
    }
    fuse_entry_param entry{};
    entry.ino = device;
    entry.attr = status_of(device);
    fuse_reply_entry(request, &entry);
}

void get_attributes(fuse_req_t request, fuse_ino_t inode, fuse_file_info*) {
    const struct stat status = status_of(inode);
    fuse_reply_attr(request, &status, 1);
}

void open_device(fuse_req_t request, fuse_ino_t, fuse_file_info* file) {
    file->direct_io = 1;
    file->nonseekable = 1;
    magic = false;
    pet();
    board->armed = true;
    fuse_reply_open(request, file);
}

void write_device(fuse_req_t request, fuse_ino_t, const char* data, std::size_t size, off_t,
                  fuse_file_info*) {
    if (board->pet_error != 0) {
        fuse_reply_err(request, board->pet_error);
        return;
    }
    magic = std::memchr(data, 'V', size) != nullptr;
    pet();
    fuse_reply_write(request, size);
}

void close_device(fuse_req_t request, fuse_ino_t, fuse_file_info*) {
    if (magic && (board->options & WDIOF_MAGICCLOSE) != 0) board->armed = false;
    ++board->closes;
    fuse_reply_err(request, 0);
}

void answer(fuse_req_t request, int error, const void* data, std::size_t size) {
    if (error != 0) {
        fuse_reply_err(request, error);
    } else {
        fuse_reply_ioctl(request, 0, data, size);
    }
}

void control(fuse_req_t request, fuse_ino_t, unsigned command, void*, fuse_file_info*, unsigned,
             const void* in, std::size_t, std::size_t) {
    watchdog_info info{};
    int seconds = 0;
    switch (command) {
        case WDIOC_GETSUPPORT:
            info.options = board->options;
            std::memcpy(info.identity, "stand-in", 9);
            return answer(request, board->support_error, &info, sizeof info);
        case WDIOC_SETTIMEOUT:
            std::memcpy(&seconds, in, sizeof seconds);
            seconds = std::min<int>(seconds, board->longest);
            if (board->set_error == 0) {
                board->timeout = seconds;
                pet();
            }
            return answer(request, board->set_error, &seconds, sizeof seconds);
        case WDIOC_GETTIMEOUT:
            seconds = board->timeout;
            return answer(request, board->get_error, &seconds, sizeof seconds);
        default:
            fuse_reply_err(request, ENOTTY);
    }
}

int serve(const char* mount_point) {
    fuse_lowlevel_ops operations{};
    operations.lookup = look_up;
    operations.getattr = get_attributes;
    operations.open = open_device;
    operations.write = write_device;
    operations.release = close_device;
    operations.ioctl = control;
    char program[] = "diskpaxos-fakewatchdog";
    char* arguments[] = {program, nullptr};
    fuse_args args = FUSE_ARGS_INIT(1, arguments);
    fuse_session* session = fuse_session_new(&args, &operations, sizeof operations, nullptr);
    if (session == nullptr || fuse_set_signal_handlers(session) != 0 ||
        fuse_session_mount(session, mount_point) != 0) {
        return 1;
    }
    fuse_session_loop(session);
    fuse_session_unmount(session);
    fuse_session_destroy(session);
    fuse_opt_free_args(&args);
    return 0;
}

}  // namespace
}  // namespace diskpaxos::fakewatchdog

int main(int argc, char** argv) {
    using diskpaxos::fakewatchdog::Board;
    if (argc != 3) return 64;
    const int fd = open(argv[2], O_RDWR | O_CLOEXEC);
    void* memory = mmap(nullptr, sizeof(Board), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED) return 1;
    diskpaxos::fakewatchdog::board = static_cast<Board*>(memory);
    return diskpaxos::fakewatchdog::serve(argv[1]);
}
