#include "cli/existing.hpp"

#include <blkid/blkid.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <string_view>

#include "base/errno_text.hpp"
#include "base/told_once.hpp"
#include "disk/buffer.hpp"
#include "disk/superblock.hpp"
#include "group/assemble.hpp"
#include "node/active_disk.hpp"

namespace diskpaxos::cli {

namespace {

// sanlock's leases begin with these, at multiples of a sector (its ondisk.h); sbd's header too.
constexpr std::uint32_t sanlock_resource = 0x06152010;   // PAXOS_DISK_MAGIC
constexpr std::uint32_t sanlock_lockspace = 0x12212010;  // DELTA_DISK_MAGIC
constexpr std::string_view sbd_magic = "SBD_SBD_";

constexpr std::string_view store_magic = "DxPStore";  // of an agent (docs/agent-store.md)

constexpr std::size_t looked_at = 64 * 1024;
constexpr const char* unknown_kind = "data of an unknown kind";

struct FreeProbe {
    void operator()(blkid_probe probe) const { blkid_free_probe(probe); }
};
using Probe = std::unique_ptr<std::remove_pointer_t<blkid_probe>, FreeProbe>;

std::string value_of(blkid_probe probe, const char* name) {
    const char* value = nullptr;
    return blkid_probe_lookup_value(probe, name, &value, nullptr) == 0 ? value : "";
}

std::string kind_of(const std::string& usage) {
    if (usage == "filesystem") return "file system";
    if (usage == "raid") return "RAID or LVM member";
    if (usage == "crypto") return "encrypted volume";
    return usage.empty() ? "signature" : usage;
}

// "an ext4 file system", "a vfat file system".
std::string with_article(const std::string& name, const std::string& kind) {
    constexpr std::string_view vowels = "aeiouxAEIOU";
    const bool spelt = name.starts_with("ntfs") || name.starts_with("LVM");  // en-tee, el-vee
    const bool an = vowels.contains(name.front()) || spelt;
    return fmt::format("{} {} {}", an ? "an" : "a", name, kind);
}

// By a descriptor of its own: it reads through the cache, in any size.
void ask_blkid(const std::string& path, std::vector<std::string>& found) {
    const io::Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (file.number() < 0) {  // then nobody knows what there is, least of all nothing
        found.push_back(fmt::format("content that cannot be looked at ({})", errno_text(errno)));
        return;
    }
    const Probe probe(blkid_new_probe());
    if (!probe || blkid_probe_set_device(probe.get(), file.number(), 0, 0) != 0) return;
    blkid_probe_enable_superblocks(probe.get(), 1);
    blkid_probe_set_superblocks_flags(
        probe.get(), BLKID_SUBLKS_TYPE | BLKID_SUBLKS_LABEL | BLKID_SUBLKS_USAGE);
    blkid_probe_enable_partitions(probe.get(), 1);
    const int answer = blkid_do_safeprobe(probe.get());
    if (answer == -2) found.emplace_back("signatures of several kinds that contradict each other");
    if (answer != 0) return;
    if (const std::string type = value_of(probe.get(), "TYPE"); !type.empty()) {
        const std::string label = value_of(probe.get(), "LABEL");
        found.push_back(with_article(type, kind_of(value_of(probe.get(), "USAGE"))) +
                        (label.empty() ? "" : fmt::format(" \"{}\"", label)));
    }
    if (const std::string table = value_of(probe.get(), "PTTYPE"); !table.empty()) {
        found.push_back(with_article(table, "partition table"));
    }
}

void look_for_lock_managers(ByteView start, std::vector<std::string>& found) {
    for (std::size_t at = 0; at + 512 <= start.size(); at += 512) {
        const auto magic = load<std::uint32_t>(start, at);
        const std::string_view text = as_text(start.subspan(at, sbd_magic.size()));
        if (magic == sanlock_resource) found.emplace_back("a sanlock resource lease");
        if (magic == sanlock_lockspace) found.emplace_back("a sanlock lockspace");
        if (text == sbd_magic) found.emplace_back("an sbd fencing header");
    }
    const auto repeated = std::ranges::unique(found);
    found.erase(repeated.begin(), repeated.end());
}

bool read_at(int fd, std::uint64_t offset, ByteSpan into) {
    return pread(fd, into.data(), into.size(), static_cast<off_t>(offset)) ==
           static_cast<ssize_t>(into.size());
}

struct Front {  // what the superblock says, by its first copy or, if that is damaged, by its second
    Damage damage = Damage::none;
    Membership membership;
};

Front look_at(ByteView area, std::uint32_t copy) {
    Front front;
    auto superblock = decode_superblock(area, copy);
    if (superblock)
        front.membership.group = std::move(*superblock);
    else
        front.damage = superblock.error();
    front.membership.retired = decode_retired(area, copy);
    front.membership.newer = front.damage == Damage::newer;
    return front;
}

void name_group(const Front& front, std::vector<std::string>& found) {
    const auto& superblock = front.membership.group;
    if (const auto& retired = front.membership.retired) {
        const std::string what =
            retired->first ? fmt::format("which host {} has begun to make", retired->host_name)
                           : "which was formatted over";
        found.push_back(fmt::format("a disk of diskpaxos group \"{}\" ({}), {}", retired->name,
                                    uuid_text(retired->group), what));
    }
    if (front.damage == Damage::newer) {
        found.emplace_back("a diskpaxos group of a newer format");
    }
    if (!superblock) return;
    found.push_back(fmt::format("disk {} of {} of diskpaxos group \"{}\" ({})",
                                superblock->index + 1, superblock->disks.size(), superblock->name,
                                uuid_text(superblock->group)));
}

Front look_for_group(const io::OpenDisk& disk, ByteView start) {
    if (start.size() < superblock_area) return {};
    Front front = look_at(start, 0);
    const bool told = front.damage == Damage::none || front.damage == Damage::newer ||
                      front.damage == Damage::retired;
    if (told) return front;
    Buffer end(superblock_area);
    const std::uint64_t at = disk.facts().bytes / 4096 * 4096 - superblock_area;
    return read_at(disk.descriptor()->number(), at, end.bytes()) ? look_at(end.bytes(), 1) : front;
}

void look_for_anything(ByteView start, std::vector<std::string>& found) {
    const bool blank = std::ranges::all_of(start, [](std::byte b) { return b == std::byte{0}; });
    if (as_text(start.first(store_magic.size())) == store_magic) {
        found.emplace_back(agent_store);
    }
    if (found.empty() && !blank) found.emplace_back(unknown_kind);
}

}  // namespace

std::vector<std::string> existing_content(const io::OpenDisk& disk) {
    std::vector<std::string> found;
    const int fd = disk.descriptor()->number();
    const std::uint64_t size =
        std::min<std::uint64_t>(looked_at, disk.facts().bytes / 4096 * 4096);
    if (size == 0) return found;
    Buffer start(size);
    if (!read_at(fd, 0, start.bytes())) {
        return {fmt::format("content that cannot be read ({})", errno_text(errno))};
    }
    look_for_lock_managers(start.bytes(), found);
    name_group(look_for_group(disk, start.bytes()), found);
    ask_blkid(std::string(disk.path()), found);
    look_for_anything(start.bytes(), found);
    return found;
}

Task<std::vector<std::string>> existing_content(Disk& disk) {
    std::vector<std::string> found;
    const std::uint64_t blocks =
        std::min<std::uint64_t>(looked_at / disk.block_size(), disk.blocks());
    IoPtr io = disk.prepare(Io::Kind::read, Extent{}, Extent{0, blocks});
    io = co_await Transfer(disk, std::move(io));
    if (io->error != 0) {
        found.push_back(fmt::format("content that cannot be read ({})", errno_text(io->error)));
        co_return found;
    }
    const ByteView start = io->in.bytes();
    look_for_lock_managers(start, found);
    if (start.size() >= superblock_area) name_group(look_at(start, 0), found);
    look_for_anything(start, found);
    co_return found;
}

std::vector<std::string> foreign_of(std::vector<std::string> content) {
    std::erase_if(content, [](const std::string& what) {
        return what == unknown_kind || what.contains("diskpaxos group \"");
    });
    return content;
}

Error with_content(Error error, const std::vector<std::string>& disks) {
    if (error.code != Code::bad_data) return error;
    std::vector<Trouble> kinds;
    bool bare = true;
    for (const std::string& name : disks) {
        if (node::is_url(name)) continue;
        const auto disk = io::OpenDisk::open(name, io::Access::read);
        if (!disk) continue;
        const Membership member = membership(**disk);
        const std::vector<std::string> found = existing_content(**disk);
        bare = bare && found.empty();
        if (member.group || member.retired || found.empty() || found.front() == unknown_kind)
            continue;
        kinds.push_back({name, fmt::format("{} stands there", fmt::join(found, ", "))});
    }
    // To make a group on top of anything is the last thing to do.
    const std::size_t advice = error.sentence.find("; \"diskpaxos format\" makes one");
    if (!bare && advice != std::string::npos) error.sentence.resize(advice);
    for (const std::string& sentence : told_once(kinds)) error.sentence += "; " + sentence;
    return error;
}

Membership membership(const io::OpenDisk& disk) {
    Buffer start(superblock_area);
    if (disk.facts().bytes < superblock_area) return {};
    if (!read_at(disk.descriptor()->number(), 0, start.bytes())) {
        const int error = errno;
        Buffer end(superblock_area);
        const std::uint64_t at = disk.facts().bytes / 4096 * 4096 - superblock_area;
        Membership back;
        if (read_at(disk.descriptor()->number(), at, end.bytes())) {
            back = look_at(end.bytes(), 1).membership;
        }
        if (!back.group && !back.retired && !back.newer) back.error = error;
        return back;
    }
    return look_for_group(disk, start.bytes()).membership;
}

Task<Membership> membership(Disk& disk) {
    const std::uint64_t blocks = superblock_area / disk.block_size();
    if (disk.blocks() < blocks) co_return Membership();
    IoPtr io = disk.prepare(Io::Kind::read, Extent{}, Extent{0, blocks});
    io = co_await Transfer(disk, std::move(io));
    if (io->error != 0) {
        Membership unread;
        unread.error = io->error;
        co_return unread;
    }
    Front front = look_at(io->in.bytes(), 0);
    co_return std::move(front.membership);
}

// What `format` itself overwrites is the beginning of the disk; other signatures lie at its end.
bool wipe_signatures(const std::string& path) {
    const io::Descriptor file(::open(path.c_str(), O_RDWR | O_CLOEXEC));
    const Probe probe(blkid_new_probe());
    if (!probe || blkid_probe_set_device(probe.get(), file.number(), 0, 0) != 0) return false;
    blkid_probe_enable_superblocks(probe.get(), 1);
    blkid_probe_set_superblocks_flags(probe.get(), BLKID_SUBLKS_TYPE | BLKID_SUBLKS_MAGIC);
    blkid_probe_enable_partitions(probe.get(), 1);
    blkid_probe_set_partitions_flags(probe.get(), BLKID_PARTS_MAGIC);
    while (blkid_do_probe(probe.get()) == 0) {
        if (blkid_do_wipe(probe.get(), 0) != 0) return false;
    }
    return fsync(file.number()) == 0;
}

}  // namespace diskpaxos::cli
