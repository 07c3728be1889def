#include "decoders.hpp"

#include <algorithm>

#include "consensus/record.hpp"
#include "disk/block.hpp"
#include "disk/door.hpp"
#include "disk/slot_entry.hpp"
#include "disk/step.hpp"
#include "disk/superblock.hpp"
#include "group/slot_table.hpp"
#include "lock/lock_record.hpp"
#include "lock/session_record.hpp"
#include "register/row.hpp"
#include "wire/message.hpp"
#include "wire/trim.hpp"

namespace diskpaxos {

namespace {

constexpr Geometry geometry{.block_size = 512, .slots = 4, .ring = 2, .cells = 2};
constexpr Geometry tiers{.block_size = 512, .slots = 4, .ring = 2, .cells = 2, .tier = 1};
constexpr Geometry roomy{.block_size = 512, .slots = 4, .ring = 2, .cells = 2, .roomy = true};

// `input`, cut or filled up to one block, with a good seal: as if a writer had meant it.
Bytes sealed(ByteView input, std::size_t size) {
    Bytes block(size);
    std::ranges::copy(input.first(std::min(input.size(), size)), block.begin());
    const std::size_t length = load<std::uint16_t>(block, 6) % (size - header_size + 1);
    seal(block, address_of(block), flags_of(block), length);
    return block;
}

void decode_record(const Block& block, const RecordFormat& format) {
    if (!format.valid(block.value)) return;
    const CellView view = format.view(block.value);
    CHECK(view.name.size() + view.value.size() <= format.capacity());
    const std::uint64_t round = block.accepted.round;
    for (std::uint16_t slot = 0; slot < geometry.slots; ++slot) {
        (void)format.applied(block.value, round, Proposer::of(slot, 0), 1);
    }
    if (round == 0 || round == ~std::uint64_t{0}) return;
    Bytes next;
    format.carry(next, block.value, round, round + 1);
    CHECK(format.valid(next));
}

void take_step(ByteView present, ByteView request) {
    Bytes next(present.begin(), present.end());
    const Decoded asked = decode_block(request, address_of(request));
    for (const Rank rank : {asked.block.accepted, asked.block.promised, restoring(present)}) {
        if (!well_formed(request, rank)) continue;
        const Stepped stepped = step(present, request, rank, next);
        const Decoded after = decode_block(next, address_of(request));
        CHECK(!stepped.changed || after.state == BlockState::valid);
    }
}

void decode_cell(ByteView block) {
    const Decoded decoded = decode_block(block, address_of(block));
    if (decoded.state != BlockState::valid) return;
    CHECK(decoded.block.promised >= decoded.block.accepted);
    CHECK(decoded.block.accepted.none() == decoded.block.value.empty());
    for (const DiskKinds kinds : {DiskKinds::passive, DiskKinds::mixed, DiskKinds::active}) {
        decode_record(decoded.block, RecordFormat(geometry, kinds));
    }
    decode_record(decoded.block, RecordFormat(roomy, DiskKinds::active));
    take_step(block, block);
}

// What a decoder takes it must be able to say again, in the same words.
void decode_session_and_lock(ByteView value) {
    if (const auto session = decode_session(value)) {
        CHECK(decode_session(encode(*session, value.size())) == session);
    }
    if (const auto lock = decode_lock(value)) {
        CHECK(!lock->exclusive || lock->holders.size() <= 1);
        Bytes again;
        encode(again, *lock);
        CHECK(decode_lock(again) == lock);
    }
}

// The same for requests and answers: what was taken is put into the same bytes again.
void decode_body(const wire::Frame& frame) {
    Bytes again;
    if (frame.type == wire::Type::hello) {
        const auto hello = wire::get_hello(frame.body);
        if (hello) wire::put_hello(again, frame.id, *hello);
        if (const auto welcome = wire::get_welcome(frame.body)) {
            wire::put_welcome(again, frame.id, *welcome);
        }
    } else if (frame.type == wire::Type::read) {
        if (const auto read = wire::get_read(frame.body)) wire::put_read(again, frame.id, *read);
    } else if (frame.type == wire::Type::write) {
        const auto write = wire::get_write(frame.body, 512);
        if (write) wire::put_write(again, frame.id, write->first, write->blocks);
    } else if (frame.type == wire::Type::step) {
        const auto step = wire::get_step(frame.body, 512);
        Bytes block(512);
        if (step && wire::untrim(step->request, block)) {
            CHECK(std::ranges::equal(wire::trimmed(block), step->request) ||
                  step->request.size() == block.size());
        }
    } else if (frame.type == wire::Type::watch) {
        const auto watch = wire::get_watch(frame.body);
        if (watch) wire::put_watch(again, frame.id, watch->block, watch->rank);
    } else if (frame.type == wire::Type::list) {
        const auto list = wire::get_list(frame.body);
        if (list) wire::put_list(again, frame.id, *list);
        if (const auto listed = wire::get_listed(frame.body); listed && !list) {
            wire::ListWriter writer(again, frame.id);
            for (const wire::Named& named : listed->registers) writer.add(named.block, named.name);
            writer.end(listed->next);
        }
    }
    if (again.empty()) return;
    const auto repeated = wire::decode_frame(again, frame.body.size());
    CHECK(repeated && *repeated && std::ranges::equal((*repeated)->body, frame.body));
}

// `input` as a stream, and as the body of a frame of every type.
void decode_frames(ByteView input) {
    constexpr std::size_t largest_body = 1024;
    wire::FrameReader reader(largest_body);
    reader.feed(input);
    for (auto frame = reader.next(); frame && *frame; frame = reader.next()) decode_body(**frame);
    const ByteView body = input.first(std::min(input.size(), largest_body));
    for (std::uint8_t type = 1; type <= static_cast<std::uint8_t>(wire::last_type); ++type) {
        decode_body({.type = static_cast<wire::Type>(type), .id = 1, .body = body});
    }
}

// `input` as a row of a disk that nobody knows: not one block of it carries our address and checksum.
void decode_row(ByteView input, const Geometry& shape) {
    Bytes row(shape.row_blocks() * shape.block_size);
    std::ranges::copy(input.first(std::min(input.size(), row.size())), row.begin());
    RowAddress address;
    address.geometry = &shape;
    address.disk = 1;
    for (std::uint32_t tier = 0; tier <= shape.doors(); ++tier) {
        const ByteView part = ByteView(row).first(shape.reach(0, tier).count * shape.block_size);
        const RowSummary summary = summarise(part, address, 0, nobody);
        CHECK(!summary.whole() && summary.closed == 0 && summary.open == 0);
        CHECK(reach_of(summary, shape) == shape.doors());
    }
}

// A block is a door or what a writer says, never both; and only a door that format made is closed.
void decode_doors(ByteView block) {
    const BlockAddress address = address_of(block);
    const DoorState door = decode_door(block, address);
    CHECK((door == DoorState::closed) == ((flags_of(block) & flag_initial) != 0));
    BlockAddress behind = address;
    behind.kind = address.kind == BlockKind::door ? BlockKind::cell : BlockKind::door;
    CHECK(decode_door(block, behind) == DoorState::unknown);
    CHECK(decode_block(block, behind).state == BlockState::unknown);
}

}  // namespace

void decode_everything(ByteView input) {
    decode_session_and_lock(input);
    decode_frames(input);
    for (const std::size_t size : {std::size_t{512}, std::size_t{4096}}) {
        const Bytes block = sealed(input, size);
        decode_cell(block);
        decode_doors(block);
        take_step(input.size() >= size ? input.first(size) : ByteView(block), block);
        (void)decode_slot_entry(block, address_of(block));
        Bytes area(superblock_area);
        std::ranges::copy(block, area.begin());
        if (const auto superblock = decode_superblock(area, 0)) {
            CHECK(superblock->geometry.objection() == nullptr);
            CHECK(superblock->index < superblock->disks.size());
            if (superblock->geometry.block_size == 512) {
                const Bytes table(superblock->geometry.slot_table().count * 512);
                CHECK(decode_slot_table(table, *superblock, 0).read);
            }
        }
    }
    decode_row(input, geometry);
    decode_row(input, tiers);
}

}  // namespace diskpaxos
