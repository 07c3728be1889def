// OpenDisk: a regular file, block device or loop device, opened once as a disk of ours.
//
// Its one descriptor carries the I/O *and* the slot locks, and is never duplicated nor inherited.
// An OFD lock belongs to the open file description, and the kernel keeps that alive for as long as
// a request on it is in flight, even when the process was killed. So whoever holds the lock of a
// slot knows that no write of an earlier local user of that slot can still land.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "diskpaxos/error.hpp"

namespace diskpaxos::io {

enum class Access : std::uint8_t {
    read,
    write,
    overwrite,  // as write, but refused if a block device is mounted or otherwise in use
};

class Descriptor {
  public:
    explicit Descriptor(int number) : number_(number) {}
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    ~Descriptor();
    int number() const { return number_; }

  private:
    int number_;
};

// What tells one disk from another, whatever path leads to it: device and inode of a file or of
// the file behind a whole loop device, the device number of any other block device. Two device
// nodes that only the storage knows to be one disk are not recognised here; the superblock is.
struct DiskIdentity {
    bool device = false;
    std::uint64_t major_minor = 0;
    std::uint64_t inode = 0;
    bool operator==(const DiskIdentity&) const = default;
};

enum class WriteCache : std::uint8_t { unknown, write_through, write_back };

struct DiskFacts {
    std::uint64_t bytes = 0;
    std::uint32_t logical_block_size = 512;
    std::uint32_t physical_block_size = 4096;
    bool block_device = false;
    bool direct =
        true;  // false: the file system refused O_DIRECT, only this host's cache is coherent
    bool overlay = false;  // on overlayfs: another mount of the layer may show another file
    bool writable = false;
    WriteCache write_cache = WriteCache::unknown;
    std::optional<bool> fua;  // the device can write through its cache: a durable write is cheaper
    DiskIdentity identity;
};

enum class LockAnswer : std::uint8_t {
    taken,
    busy,     // another process has it, or its writes are not over
    refused,  // no locks on this file system, or the disk is open for reading only
};

// The number of a lock that is no slot's: of the `format` that writes there.
inline constexpr std::uint32_t format_lock = (1U << 20) - 1;

class OpenDisk {
  public:
    // Refused if it has less than `at_least` bytes.
    static Result<std::unique_ptr<OpenDisk>> open(const std::string& path, Access access,
                                                  std::uint64_t at_least = 0);

    std::string_view path() const { return path_; }
    const DiskFacts& facts() const { return facts_; }
    bool same_disk(const OpenDisk& other) const { return facts_.identity == other.facts_.identity; }
    const std::shared_ptr<const Descriptor>& descriptor() const { return descriptor_; }

    // errno, if this user may not write to it (as far as can be told without opening it for that);
    // 0: it seems so.
    int why_not_writable() const;

    // Borrowing a slot of this host on this disk. Taking it twice is taking it once.
    LockAnswer lock_slot(std::uint32_t slot);
    void unlock_slot(std::uint32_t slot);
    bool slot_locked_elsewhere(std::uint32_t slot) const;
    // Any of these locks, or the host's: a process of this host works on it, as a member of a group, as
    // an agent that serves it, or to make a group of it.
    bool locked_elsewhere() const;

    // Only one process of a host may claim slots at a time.
    LockAnswer lock_host();
    void unlock_host();

  private:
    OpenDisk(std::string path, std::shared_ptr<const Descriptor> descriptor, DiskFacts facts)
        : path_(std::move(path)), descriptor_(std::move(descriptor)), facts_(facts) {}

    std::string path_;
    std::shared_ptr<const Descriptor> descriptor_;
    DiskFacts facts_;
};

}  // namespace diskpaxos::io
