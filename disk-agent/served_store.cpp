#include "disk-agent/served_store.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "disk/block.hpp"
#include "disk/superblock.hpp"

namespace diskpaxos::agent {

ServedStore::ServedStore(RunQueue& queue, Clock& clock, std::string name,
                         std::unique_ptr<Disk> disk, Recovered recovered, Log& log)
    : name_(std::move(name)),
      log_(log),
      disk_(std::move(disk)),
      promisers_(recovered.header.blocks),
      store_(queue, clock, *disk_, std::move(recovered), *this) {
    learn_age();
}

// A group's superblocks are blocks like others here. Those of the group that uses this store lie at
// its beginning and, where `format` of a new store has put it, at its end.
void ServedStore::learn_age() {
    const std::uint64_t area = superblock_area / store_.block_size();
    const std::uint64_t blocks = store_.blocks() / area * area;
    formatted_ms_ = 0;
    if (blocks < 2 * area) return;
    const auto front = decode_superblock(store_.blocks({0, area}), 0);
    const auto back = decode_superblock(store_.blocks({blocks - area, area}), 1);
    if (front) formatted_ms_ = front->formatted_ms;
    else if (back) formatted_ms_ = back->formatted_ms;
}

void ServedStore::await(Lsn lsn, Patron& patron) {
    waiting_[lsn % 2].push_back(&patron);
}

void ServedStore::watch(std::uint64_t number, std::uint64_t id, Rank rank, Patron& patron) {
    watches_.emplace(std::pair(number, &patron), Watch{id, rank});
}

// A block that nobody knows is news as well, but not an initial one.
bool ServedStore::due(ByteView block, Rank rank) {
    const Decoded decoded = decode_block(block, address_of(block));
    if (decoded.state == BlockState::initial) return false;
    return decoded.state == BlockState::unknown || decoded.block.accepted > rank;
}

void ServedStore::forget(Patron& patron, std::span<const std::uint64_t> watched) {
    for (auto& waiting : waiting_) std::erase(waiting, &patron);
    for (const std::uint64_t number : watched) watches_.erase(std::pair(number, &patron));
}

void ServedStore::committed(Lsn lsn, std::span<const std::uint64_t> blocks) {
    const std::uint64_t area = superblock_area / store_.block_size();
    bool superblock = false;
    for (const std::uint64_t number : blocks) {
        tell_watchers(number);
        superblock = superblock || number < area || number + 2 * area > store_.blocks();
    }
    if (superblock) learn_age();
    for (Patron* patron : waiting_[lsn % 2]) patron->settled(lsn);
    waiting_[lsn % 2].clear();
}

void ServedStore::tell_watchers(std::uint64_t number) {
    const auto of_others = [number](const auto& entry) { return entry.first.first != number; };
    auto next = watches_.lower_bound(std::pair(number, static_cast<Patron*>(nullptr)));
    if (next == watches_.end() || of_others(*next)) return;
    const ByteView block = store_.block(number);
    due_.clear();
    while (next != watches_.end() && !of_others(*next)) {
        const auto here = next++;
        if (!due(block, here->second.rank)) continue;
        due_.emplace_back(here->first.second, here->second.id);
        watches_.erase(here);
    }
    for (const auto& [patron, id] : due_) patron->changed(id, number, block);
}

void ServedStore::failing(int error) {
    log_.note(fmt::format("io: store {}: {} cannot be written: {}; changes are refused, reads are "
                          "served, and it is tried again every second",
                          name_, disk_->name(), std::strerror(error)),
              Level::error);
    for (auto& waiting : waiting_) {
        for (Patron* patron : waiting) patron->failed();
        waiting.clear();
    }
}

void ServedStore::not_home(int error) {
    log_.note(fmt::format("io: store {}: the blocks of {} cannot be written: {}; it goes on until "
                          "the journal is full",
                          name_, disk_->name(), std::strerror(error)),
              Level::error);
}

void ServedStore::recovered() {
    log_.note(fmt::format("store {}: {} can be written again", name_, disk_->name()),
              Level::notice);
}

}  // namespace diskpaxos::agent
