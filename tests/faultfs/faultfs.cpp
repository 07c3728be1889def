// diskpaxos-faultfs MOUNT CONTROL.sock BACKING... : a directory of disks that misbehave on command.
//
// BACKING number K appears as MOUNT/dK and, as if seen from other hosts, as MOUNT/dK.1, dK.2, …:
// inodes of their own, with locks and faults of their own, on the same data. control.hpp has the
// commands. Ends on SIGTERM, taking its mount with it.
//
// Attributes are valid for an hour: a hung disk must hang in its reads and writes, not in stat.
#include "faulty_path.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <string>
#include <thread>

#include "control.hpp"

namespace diskpaxos::faultfs {
namespace {

constexpr double attributes_valid = 3600;
constexpr unsigned most_threads = 32;  // a delayed request sleeps in one

Paths paths;

std::string name_of(std::size_t index) {
    const std::size_t disk = index / paths_per_disk;
    const std::size_t path = index % paths_per_disk;
    return path == 0 ? fmt::format("d{}", disk) : fmt::format("d{}.{}", disk, path);
}

constexpr fuse_ino_t inode_of(std::size_t index) {
    return index + 2;
}  // 1 is the directory
bool is_disk(fuse_ino_t inode) {
    return inode >= 2 && inode - 2 < paths.size();
}
FaultyPath& path_of(fuse_ino_t inode) {
    return *paths[inode - 2];
}

struct stat status_of(fuse_ino_t inode) {
    struct stat status{};
    status.st_ino = inode;
    if (is_disk(inode)) {
        status.st_mode = S_IFREG | 0600;
        status.st_nlink = 1;
        status.st_size = path_of(inode).size();
        status.st_blksize = 4096;
        status.st_blocks = status.st_size / 512;
    } else {
        status.st_mode = S_IFDIR | 0755;
        status.st_nlink = 2;
    }
    return status;
}

// By default FUSE takes twelve requests at a time and then blocks whoever submits the next one:
// one hung disk would stall the others by a limit of FUSE's own.
void start_session(void*, fuse_conn_info* connection) {
    connection->max_background = 4096;
    connection->congestion_threshold = 4096;
}

void look_up(fuse_req_t request, fuse_ino_t, const char* name) {
    for (std::size_t index = 0; index < paths.size(); ++index) {
        if (name_of(index) != name) continue;
        fuse_entry_param entry{};
        entry.ino = inode_of(index);
        entry.attr = status_of(entry.ino);
        entry.attr_timeout = attributes_valid;
        entry.entry_timeout = attributes_valid;
        fuse_reply_entry(request, &entry);
        return;
    }
    fuse_reply_err(request, ENOENT);
}

void get_attributes(fuse_req_t request, fuse_ino_t inode, fuse_file_info*) {
    const struct stat status = status_of(inode);
    fuse_reply_attr(request, &status, attributes_valid);
}

void set_attributes(fuse_req_t request, fuse_ino_t inode, struct stat*, int, fuse_file_info* file) {
    get_attributes(request, inode, file);  // a disk keeps its size
}

void open_disk(fuse_req_t request, fuse_ino_t inode, fuse_file_info* file) {
    if (!is_disk(inode)) {
        fuse_reply_err(request, EISDIR);
        return;
    }
    file->direct_io = 1;
    fuse_reply_open(request, file);
}

void list(fuse_req_t request, fuse_ino_t, std::size_t size, off_t offset, fuse_file_info*) {
    std::string entries;
    for (auto index = static_cast<std::size_t>(offset); index < paths.size(); ++index) {
        const struct stat status = status_of(inode_of(index));
        char entry[256];
        const std::size_t length =
            fuse_add_direntry(request, entry, sizeof entry, name_of(index).c_str(), &status,
                              static_cast<off_t>(index + 1));
        if (entries.size() + length > size) break;
        entries.append(entry, length);
    }
    fuse_reply_buf(request, entries.data(), entries.size());
}

void read_disk(fuse_req_t request, fuse_ino_t inode, std::size_t size, off_t offset,
               fuse_file_info*) {
    path_of(inode).arrive({request, Direction::read, offset, size, {}});
}

void write_disk(fuse_req_t request, fuse_ino_t inode, const char* data, std::size_t size,
                off_t offset, fuse_file_info*) {
    path_of(inode).arrive({request, Direction::write, offset, size, std::string(data, size)});
}

void flush_disk(fuse_req_t request, fuse_ino_t inode, int, fuse_file_info*) {
    fuse_reply_err(request, path_of(inode).flush());
}

fuse_lowlevel_ops operations() {
    fuse_lowlevel_ops operations{};
    operations.init = start_session;
    operations.lookup = look_up;
    operations.getattr = get_attributes;
    operations.setattr = set_attributes;
    operations.open = open_disk;
    operations.readdir = list;
    operations.read = read_disk;
    operations.write = write_disk;
    operations.fsync = flush_disk;
    return operations;
}

bool open_backing(const char* file) {
    const int fd = open(file, O_RDWR | O_CLOEXEC);
    const off_t size = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);
    if (size < 0) {
        std::fprintf(stderr, "diskpaxos-faultfs: %s: %s\n", file, std::strerror(errno));
        return false;
    }
    for (unsigned i = 0; i < paths_per_disk; ++i) {
        paths.push_back(std::make_unique<FaultyPath>(fd, size));
    }
    return true;
}

// Commands are served by a thread that takes no signals: SIGTERM must wake the main one.
void start_control(int listener) {
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    std::thread([listener] { serve(listener, paths); }).detach();
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

int run(const char* mount_point, const char* socket_path) {
    char program[] = "diskpaxos-faultfs";
    char* arguments[] = {program, nullptr};
    fuse_args args = FUSE_ARGS_INIT(1, arguments);
    const fuse_lowlevel_ops ops = operations();
    fuse_session* session = fuse_session_new(&args, &ops, sizeof ops, nullptr);
    if (session == nullptr || fuse_set_signal_handlers(session) != 0) return 1;
    if (fuse_session_mount(session, mount_point) != 0) return 1;
    const int listener = listen_on(socket_path);
    if (listener < 0) {
        std::fprintf(stderr, "diskpaxos-faultfs: %s: %s\n", socket_path, std::strerror(errno));
        fuse_session_unmount(session);
        return 1;
    }
    start_control(listener);
    fuse_loop_config* config = fuse_loop_cfg_create();
    fuse_loop_cfg_set_max_threads(config, most_threads);
    fuse_session_loop_mt(session, config);
    for (const auto& path : paths) path->drop();
    fuse_session_unmount(session);
    return 0;
}

}  // namespace
}  // namespace diskpaxos::faultfs

int main(int argc, char** argv) {
    if (argc < 4) {
        std::fprintf(stderr, "usage: diskpaxos-faultfs MOUNT CONTROL.sock BACKING...\n");
        return 64;
    }
    for (int i = 3; i < argc; ++i) {
        if (!diskpaxos::faultfs::open_backing(argv[i])) return 1;
    }
    const int result = diskpaxos::faultfs::run(argv[1], argv[2]);
    std::fflush(nullptr);
    _exit(result);  // the control thread still uses what static destructors would destroy
}
