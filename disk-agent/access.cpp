#include "disk-agent/access.hpp"

#include <algorithm>

#include "disk/step.hpp"

namespace diskpaxos::agent {

namespace {

bool covers(const Prefixes& prefixes, std::string_view name) {
    return std::ranges::any_of(
        prefixes, [name](const std::string& prefix) { return name.starts_with(prefix); });
}

// Of a sound cell block.
Subject subject_of_register(ByteView block) {
    constexpr std::size_t length_at = 11;
    constexpr std::size_t name_at = 12;
    const ByteView record = body_of(block);
    if (record.empty()) return {.kind = Subject::Kind::unnamed};
    if (record.size() < name_at) return {};
    const std::size_t length = load<std::uint8_t>(record, length_at);
    if (record.size() < name_at + length) return {};
    if (length == 0) return {.kind = Subject::Kind::unnamed};
    return {.kind = Subject::Kind::named, .name = as_text(record.subspan(name_at, length))};
}

// The record of a register that nobody has named or changed, as it is carried on: zero but for its
// origin, or for the length of its lineage (consensus/record.hpp). Anything else in an unnamed
// register would be in everybody's way.
bool says_nothing(ByteView block) {
    constexpr std::size_t origin_at = 8, origin_size = 2;
    const ByteView record = body_of(block);
    const auto zero = [](std::byte b) { return b == std::byte{0}; };
    if (record.size() < origin_at + origin_size) return record.empty();
    return std::ranges::all_of(record.first(origin_at), zero) &&
           std::ranges::all_of(record.subspan(origin_at + origin_size), zero);
}

}  // namespace

bool Rights::may_use(std::string_view store) const {
    return any() && (stores.empty() || std::ranges::find(stores, store) != stores.end());
}

Rights every_right() {
    return {.read = {""}, .write = {""}, .create = {""}, .format = true, .stores = {}};
}

Subject subject_of(ByteView block) {
    const Damage damage = inspect_checksum(block);
    if (damage == Damage::blank) return {.kind = Subject::Kind::blank};
    if (damage != Damage::none) return {};
    switch (address_of(block).kind) {
        case BlockKind::superblock:
            return {.kind = Subject::Kind::table};
        case BlockKind::claim:
        case BlockKind::owner:
            return {.kind = Subject::Kind::table, .slot = true};
        case BlockKind::cell:
            return subject_of_register(block);
        case BlockKind::door:
            break;  // of rows, which only passive disks have
    }
    return {};
}

bool may_read(const Rights& rights, ByteView block) {
    const Subject subject = subject_of(block);
    switch (subject.kind) {
        case Subject::Kind::unsound:
            return covers(rights.read, "");
        case Subject::Kind::named:
            return covers(rights.read, subject.name);
        default:
            return rights.any();
    }
}

bool may_step(const Rights& rights, ByteView present, ByteView request, Rank rank) {
    if (restores(rank)) return rights.format;  // over what may be anybody's, or no register at all
    const Subject is = subject_of(present);
    const Subject asked = subject_of(request);
    const bool writes = decode_block(request, address_of(request)).block.accepted == rank;
    const bool named = is.kind == Subject::Kind::named;
    // The answer shows what is there; and a promise can keep others from writing it for ever, so that
    // it takes the right to write, too.
    if (named || is.kind == Subject::Kind::unsound) {
        const bool writable = !named || covers(rights.write, is.name);
        if (!may_read(rights, present) || !writable) return false;
    } else if (rights.create.empty()) {
        return false;
    }
    if (!writes) return true;
    // Under which name it goes on. Only who may write every name may take one away.
    if (asked.kind == Subject::Kind::named) {
        return covers(named ? rights.write : rights.create, asked.name);
    }
    if (asked.kind != Subject::Kind::unnamed) return false;
    return covers(rights.write, "") || (!named && says_nothing(request));
}

// Whole disks are made and healed by raw writes; slots of hosts are claimed by them, each block in its
// own place.
bool may_write(const Rights& rights, ByteView present, ByteView next) {
    if (rights.format) return true;
    const bool slots = subject_of(present).slot && subject_of(next).slot;
    return slots && address_of(present) == address_of(next) && !rights.write.empty();
}

}  // namespace diskpaxos::agent
