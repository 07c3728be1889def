// `create` and `check`: stores that nobody serves.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <filesystem>

#include "cli/existing.hpp"
#include "disk-agent/access.hpp"
#include "disk-agent/drive.hpp"
#include "disk-agent/recovery.hpp"
#include "disk-agent/verbs.hpp"
#include "io/backend.hpp"
#include "io/os_random.hpp"

namespace diskpaxos::agent {

namespace fs = std::filesystem;

namespace {

struct Order {
    std::string path;
    std::uint64_t blocks = default_blocks;
    std::uint32_t block_size = 512;
    bool force = false;
};

Result<Order> understood(const cli::Invocation& call) {
    Order order;
    order.path = call.arguments().front();
    const auto blocks = call.number("blocks", default_blocks, 1, most_blocks);
    if (!blocks) return std::unexpected(blocks.error());
    order.blocks = *blocks;
    order.block_size = call.text("block-size") == "4096" ? 4096 : 512;
    order.force = call.has("force");
    return order;
}

StoreHeader new_header(const Order& order) {
    io::OsRandom random;
    StoreHeader header;
    header.block_size = order.block_size;
    header.blocks = order.blocks;
    for (std::byte& byte : header.uuid) byte = static_cast<std::byte>(random.bits(8));
    header.tag = random.bits(64);
    header.created_ms = static_cast<std::uint64_t>(std::time(nullptr)) * 1000;
    return header;
}

std::unexpected<Error> failed(const std::string& path, const char* what) {
    const int error = errno;
    const bool forbidden = error == EACCES || error == EPERM || error == EROFS;
    return std::unexpected(
        Error{forbidden ? Code::permission : Code::io,
              fmt::format("{} cannot be {}: {}", path, what, std::strerror(error))});
}

// A file that did not exist vanishes again unless a store has become of it.
class NewFile {
  public:
    NewFile() = default;
    NewFile(const NewFile&) = delete;
    NewFile& operator=(const NewFile&) = delete;
    ~NewFile() {
        if (!path_.empty()) unlink(path_.c_str());
    }

    // Which one it is.
    Result<io::DiskIdentity> create(const std::string& path, std::uint64_t bytes) {
        const io::Descriptor file(
            ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
        if (file.number() < 0) return failed(path, "created");
        path_ = path;
        // Where the file system can, all of it has its place before the first write.
        const auto size = static_cast<off_t>(bytes);
        if (fallocate(file.number(), 0, 0, size) != 0 &&
            (errno != EOPNOTSUPP || ftruncate(file.number(), size) != 0)) {
            return failed(path, "created");
        }
        struct stat facts{};
        if (fsync(file.number()) != 0 || fstat(file.number(), &facts) != 0) {
            return failed(path, "created");
        }
        return io::DiskIdentity{.major_minor = facts.st_dev, .inode = facts.st_ino};
    }

    // Its name is durable as well.
    Result<void> keep() {
        if (path_.empty()) return {};
        const fs::path parent = fs::path(path_).parent_path();
        const std::string folder = parent.empty() ? "." : parent.string();
        const io::Descriptor opened(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        if (opened.number() < 0 || fsync(opened.number()) != 0)
            return failed(path_, "made durable");
        path_.clear();
        return {};
    }

  private:
    std::string path_;
};

bool exists(const std::string& path) {
    struct stat status{};
    return lstat(path.c_str(), &status) == 0;
}

// What is there already, by name, and where that is.
struct Content {
    std::vector<std::string> names;
    io::DiskIdentity identity;
};

// It is named, and stays.
Result<Content> content(const Order& order, const StoreHeader& header) {
    auto file = io::OpenDisk::open(order.path, io::Access::read);
    if (!file) return std::unexpected(file.error());
    if (unit_size % (*file)->facts().logical_block_size != 0) {
        return usage(fmt::format("{}: its blocks are larger than {} bytes", order.path, unit_size));
    }
    if ((*file)->facts().bytes < header.units() * unit_size) {
        return std::unexpected(
            Error{Code::bad_data,
                  fmt::format("{}: too small: {} bytes, {} are needed; take fewer --blocks",
                              order.path, (*file)->facts().bytes, header.units() * unit_size)});
    }
    Content found{cli::existing_content(**file), (*file)->facts().identity};
    if (found.names.empty() || order.force) return found;
    std::string all;
    for (const std::string& one : found.names) all += (all.empty() ? "" : ", ") + one;
    return std::unexpected(Error{
        Code::no,
        fmt::format("{} holds {}; nothing was written, --force overwrites it", order.path, all)});
}

std::unexpected<Error> in_use(const Order& order, const Content& before) {
    const bool store = std::ranges::count(before.names, cli::agent_store) > 0;
    return std::unexpected(Error{
        Code::in_use, store ? fmt::format("{}: an agent serves this store", order.path)
                            : fmt::format("{}: a process of this host has it open as a disk of a "
                                          "group; end it (fuser names it); nothing was written",
                                          order.path)});
}

// `before` is what was looked at or made: another file may have come to its path meanwhile.
Result<void> make_store(const Order& order, const StoreHeader& header, const Content& before) {
    auto file = io::OpenDisk::open(order.path, io::Access::overwrite, header.units() * unit_size);
    if (!file) return std::unexpected(file.error());
    if ((*file)->facts().identity != before.identity) {
        return std::unexpected(Error{
            Code::io, fmt::format("{}: somebody has put another file there; nothing was written",
                                  order.path)});
    }
    const bool used = (*file)->locked_elsewhere();
    if (used || (*file)->lock_slot(store_lock) == io::LockAnswer::busy) return in_use(order, before);
    if (!before.names.empty() && !cli::wipe_signatures(order.path)) {
        return std::unexpected(Error{
            Code::io,
            fmt::format("{}: its old signatures cannot be removed; see wipefs(8)", order.path)});
    }
    auto made = io::make_loop();
    if (!made) return std::unexpected(made.error());
    const std::unique_ptr<Disk> disk = made->loop->attach(**file, unit_size);
    return drive(*made->loop, create(*disk, header));
}

struct Census {
    std::uint64_t blank = 0;
    std::uint64_t initial = 0;
    std::uint64_t sound = 0;
    std::uint64_t named = 0;
    std::uint64_t damaged = 0;
};

Census count(const Recovered& store) {
    Census census;
    const std::uint32_t size = store.header.block_size;
    for (std::uint64_t number = 0; number < store.header.blocks; ++number) {
        const ByteView block = ByteView(store.images).subspan(number * size, size);
        const Damage damage = inspect_checksum(block);
        if (damage == Damage::blank) {
            ++census.blank;
        } else if (damage != Damage::none) {
            ++census.damaged;
        } else if ((flags_of(block) & flag_initial) != 0) {
            ++census.initial;
        } else {
            ++census.sound;
            census.named += subject_of(block).kind == Subject::Kind::named;
        }
    }
    return census;
}

}  // namespace

Result<int> run_create(const cli::Invocation& call) {
    const auto order = understood(call);
    if (!order) return std::unexpected(order.error());
    const StoreHeader header = new_header(*order);
    NewFile file;
    Content before;
    if (exists(order->path)) {
        auto found = content(*order, header);
        if (!found) return std::unexpected(found.error());
        before = std::move(*found);
    } else if (order->path.starts_with("/dev/") && !order->path.starts_with("/dev/shm/")) {
        return std::unexpected(
            Error{Code::io, fmt::format("{}: there is no such device", order->path)});
    } else if (auto made = file.create(order->path, header.units() * unit_size); made) {
        before.identity = *made;
    } else {
        return std::unexpected(made.error());
    }
    if (auto fine = make_store(*order, header, before); !fine)
        return std::unexpected(fine.error());
    if (auto fine = file.keep(); !fine) return std::unexpected(fine.error());
    const std::string made =
        fmt::format("{}: a store of {} blocks of {} bytes, {} bytes in all\n", order->path,
                    header.blocks, header.block_size, header.units() * unit_size);
    if (print(made)) return 0;
    return std::unexpected(
        Error{Code::not_printed,
              fmt::format("{} is a store now, but that could not be printed", order->path)});
}

Result<int> run_check(const cli::Invocation& call) {
    const std::string& path = call.arguments().front();
    const auto file = io::OpenDisk::open(path, io::Access::read, 2 * unit_size);
    if (!file) return std::unexpected(file.error());
    if ((*file)->slot_locked_elsewhere(store_lock)) {
        return std::unexpected(
            Error{Code::in_use, fmt::format("{}: an agent serves this store", path)});
    }
    auto made = io::make_loop();
    if (!made) return std::unexpected(made.error());
    const std::unique_ptr<Disk> disk = made->loop->attach(**file, unit_size);
    const auto store = drive(*made->loop, recover(*disk));
    if (!store) return std::unexpected(store.error());
    const Census census = count(*store);
    const std::string found = fmt::format(
        "{}: {} blocks of {} bytes: {} written ({} of them registers with a name), "
        "{} initial, {} blank, {} damaged; {} batches in the journal{}\n",
        path, store->header.blocks, store->header.block_size, census.sound, census.named,
        census.initial, census.blank, census.damaged, store->batches,
        store->headers_differ ? "; one copy of the header is damaged or older" : "");
    if (!print(found)) return not_printed();
    return census.damaged > 0 ? 1 : 0;
}

}  // namespace diskpaxos::agent
