// Formats 1.0 to 1.4 as bytes. UPDATE=1 rewrites the files; do that only for a new format version.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "disk/block.hpp"
#include "disk/door.hpp"
#include "disk/slot_entry.hpp"
#include "disk/superblock.hpp"
#include "golden/hex.hpp"
#include "group/cluster.hpp"

namespace diskpaxos {
namespace {

std::string path(const std::string& name) { return std::string(GOLDEN_DIR "/") + name + ".hex"; }

std::string slurp(const std::string& file) {
    std::ifstream in(file);
    std::stringstream text;
    text << in.rdbuf();
    return text.str();
}

bool updating() { return std::getenv("UPDATE") != nullptr; }

Uuid uuid(std::uint8_t first) {
    Uuid result;
    for (std::size_t i = 0; i < result.size(); ++i) result[i] = static_cast<std::byte>(first + i);
    return result;
}

BlockAddress address(BlockKind kind) {
    return {.group = uuid(0x10), .disk = Superblock::tag(uuid(0x20)), .kind = kind, .cell = 3,
            .slot = 2, .ring = 1};
}

Superblock superblock() {
    Superblock s;
    s.group = uuid(0x10);
    s.name = "prod";
    s.disks = {uuid(0x20), uuid(0x40), uuid(0x60)};
    s.index = 0;
    s.geometry = {.block_size = 512, .slots = 32, .ring = 2, .cells = 256};
    s.ttl_ms = 10'000;
    s.formatted_ms = 1'790'000'000'000;
    return s;
}

// The second disk of a group of which only the first one is passive.
Superblock active_superblock() {
    Superblock s = superblock();
    s.index = 1;
    s.active = 0b110;
    s.geometry = s.geometry_of(1);
    return s;
}

// Of a group whose rows have two doors: slots 0 to 7, 8 to 15, 16 to 31.
Superblock tiered_superblock() {
    Superblock s = superblock();
    s.geometry.tier = 8;
    return s;
}

// Of a group of active disks only, with small blocks.
Superblock roomy_superblock() {
    Superblock s = superblock();
    s.active = 0b111;
    s.geometry = s.geometry_of(0);
    s.geometry.roomy = true;
    return s;
}

// Of a group that was formatted over.
Retired retired() {
    Retired r;
    r.group = uuid(0x10);
    r.disk = uuid(0x20);
    r.name = "prod";
    r.at_ms = 1'790'000'060'000;
    r.wait_ms = 40'020;
    r.host_name = "alpha";
    return r;
}

SlotEntry slot_entry() {
    SlotEntry entry;
    entry.state = SlotState::taken;
    entry.turn = 1;
    entry.stamp = 0x1122334455667788;
    entry.since_ms = 1'790'000'000'000;
    entry.host = uuid(0x80);
    entry.boot = uuid(0x90);
    entry.host_name = "alpha";
    return entry;
}

Bytes record() {
    const Geometry geometry{.block_size = 512, .slots = 4, .ring = 2, .cells = 4};
    const RecordFormat format(geometry);
    Bytes out;
    const CellView view{.version = 7, .state = CellState::set, .name = "backup",
                        .value = as_bytes("alpha")};
    format.succeed(out, {}, 0, view, {41, Proposer::of(2, 0)});
    return out;
}

// Where nobody has a slot: changed by a1 at round 40, then by a2 at round 41.
Bytes unannounced_record(bool roomy) {
    const RecordFormat format(Geometry{.roomy = roomy}, DiskKinds::active);
    const CellView first{.version = 1, .state = CellState::set, .name = "backup",
                         .value = as_bytes("alpha")};
    CellView second = first;
    second.version = 2;
    Bytes before, out;
    format.succeed(before, {}, 0, first, {40, Proposer(0xa1)});
    format.succeed(out, before, 40, second, {41, Proposer(0xa2)});
    return out;
}

BlockAddress door_address() {
    BlockAddress result = address(BlockKind::door);
    result.ring = 0;
    return result;
}

BlockAddress register_address() {
    return {.group = uuid(0x10), .disk = Superblock::tag(uuid(0x40)), .kind = BlockKind::cell,
            .cell = 3};
}

Bytes encoded(const std::string& kind) {
    Bytes out(512);
    const Bytes value = record();
    if (kind == "superblock") encode_superblock(out, superblock(), 0);
    if (kind == "superblock-active") encode_superblock(out, active_superblock(), 0);
    if (kind == "superblock-tiers") encode_superblock(out, tiered_superblock(), 0);
    if (kind == "superblock-retired") encode_retired(out, tiered_superblock(), retired(), 0);
    if (kind == "door-closed") encode_door(out, door_address(), DoorState::closed);
    if (kind == "door-open") encode_door(out, door_address(), DoorState::open);
    if (kind == "superblock-roomy") encode_superblock(out, roomy_superblock(), 0);
    if (kind == "register" || kind == "register-roomy") {
        const Bytes held = unannounced_record(kind == "register-roomy");
        encode_block(out, register_address(),
                     {.incarnation = Proposer(0xa3), .seq = 5, .promised = {42, Proposer(0xa3)},
                      .accepted = {41, Proposer(0xa2)}, .committed = {40, Proposer(0xa1)},
                      .value = held});
    }
    if (kind == "claim") encode_slot_entry(out, address(BlockKind::claim), slot_entry());
    if (kind == "owner") encode_slot_entry(out, address(BlockKind::owner), slot_entry());
    if (kind == "initial") encode_initial(out, address(BlockKind::cell));
    if (kind == "cell") {
        const Proposer me = Proposer::of(2, 0xabcdef);
        encode_block(out, address(BlockKind::cell),
                     {.incarnation = me, .seq = 9, .promised = {42, me}, .accepted = {41, me},
                      .committed = {40, me}, .value = value});
    }
    return out;
}

class Golden : public ::testing::TestWithParam<const char*> {};

TEST_P(Golden, BlocksAreWhatTheyWere) {
    const std::string text = to_hex(encoded(GetParam()));
    if (updating()) std::ofstream(path(GetParam())) << text;
    EXPECT_EQ(text, slurp(path(GetParam())));
}

TEST_P(Golden, TheFormatNoteShowsThem) {
    EXPECT_NE(slurp(FORMAT_NOTE).find(slurp(path(GetParam()))), std::string::npos)
        << "docs/format.md has no verbatim copy of " << path(GetParam());
}

TEST_P(Golden, AndTheyStillDecode) {
    Bytes block(512);
    from_hex(slurp(path(GetParam())), block);
    EXPECT_EQ(block, encoded(GetParam()));
}

INSTANTIATE_TEST_SUITE_P(Format, Golden,
                         ::testing::Values("superblock", "superblock-active", "superblock-tiers",
                                           "superblock-retired", "superblock-roomy", "claim",
                                           "owner", "initial", "cell", "register",
                                           "register-roomy", "door-closed", "door-open"));

Bytes golden(const std::string& kind, std::size_t size = 512) {
    Bytes block(size);
    from_hex(slurp(path(kind)), block);
    return block;
}

// As programs wrote it before ranks were packed: read as ever.
TEST(GoldenRegister, OfBeforeSaysWhatItSaid) {
    const Bytes block = golden("register-before");
    const Decoded decoded = decode_block(block, register_address());
    ASSERT_EQ(decoded.state, BlockState::valid);
    const ByteView held = decoded.block.value;
    const RecordFormat format(Geometry(), DiskKinds::active);
    ASSERT_TRUE(format.valid(held));
    EXPECT_EQ(as_text(format.view(held).value), "alpha");
    EXPECT_EQ(format.view(held).version, 2U);
    EXPECT_TRUE(format.latest(held, Proposer(0xa2)));
    EXPECT_EQ(format.last_round(held, 41, Proposer(0xa1)), 40U);
    EXPECT_EQ(format.applied(held, 41, Proposer(0xa1), 40), Applied::yes);
    EXPECT_EQ(format.applied(held, 41, Proposer(0xa3), 1), Applied::no);
}

TEST(GoldenSuperblock, SaysWhatItSaid) {
    const struct {
        const char* kind;
        std::uint16_t minor;
        Superblock said;
    } rows[] = {{"superblock", 0, superblock()},
                {"superblock-active", 1, active_superblock()},
                {"superblock-tiers", 2, tiered_superblock()},
                {"superblock-roomy", 4, roomy_superblock()}};
    for (const auto& row : rows) {
        const Bytes area = golden(row.kind, superblock_area);
        const auto superblock = decode_superblock(area, 0);
        ASSERT_TRUE(superblock) << row.kind;
        EXPECT_EQ(load<std::uint16_t>(area, header_size + 2), row.minor) << row.kind;
        EXPECT_TRUE(superblock->same_group(row.said)) << row.kind;
        EXPECT_EQ(superblock->geometry, row.said.geometry) << row.kind;
        EXPECT_EQ(superblock->active, row.said.active) << row.kind;
    }
}

TEST(GoldenSuperblock, HasTheWordsOfItsFeaturesInTheOrderOfTheirBits) {
    Superblock mixed = active_superblock();
    mixed.geometry.tier = 8;
    Bytes area(superblock_area);
    const ByteSpan block = ByteSpan(area).first(512);
    encode_superblock(block, mixed, 0);
    const std::size_t words = header_size + 136 + 3 * 16;
    EXPECT_EQ(load<std::uint32_t>(block, words), 0b110U);
    EXPECT_EQ(load<std::uint32_t>(block, words + 4), 8U);
    const auto superblock = decode_superblock(area, 0);
    ASSERT_TRUE(superblock);
    EXPECT_TRUE(superblock->same_group(mixed));
    EXPECT_EQ(superblock->geometry, mixed.geometry);
}

// What a program of format 1.3 does with a roomy group, this one does with the next feature.
TEST(GoldenSuperblock, IsRefusedWithAFeatureThatNobodyKnows) {
    Bytes area = golden("superblock-tiers", superblock_area);
    const ByteSpan block = ByteSpan(area).first(512);
    const std::uint32_t features = load<std::uint32_t>(block, header_size + 12);
    EXPECT_EQ(features, incompatible_tiers);
    store<std::uint32_t>(block, header_size + 12, features | 16);
    seal(block, address_of(block), 0, load<std::uint16_t>(block, 6));
    EXPECT_EQ(decode_superblock(area, 0).error(), Damage::newer);
}

TEST(GoldenSuperblock, ThatIsRetiredSaysWhenAndByWhom) {
    const Bytes area = golden("superblock-retired", superblock_area);
    EXPECT_EQ(load<std::uint16_t>(area, header_size + 2), 3U);
    EXPECT_EQ(decode_superblock(area, 0).error(), Damage::retired);
    EXPECT_EQ(decode_retired(area, 0), retired());
    EXPECT_FALSE(decode_retired(area, 1)) << "of the other end";
    EXPECT_FALSE(decode_retired(golden("superblock-tiers", superblock_area), 0));
    Bytes torn = area;
    torn[header_size + 150] ^= std::byte{1};
    EXPECT_FALSE(decode_retired(torn, 0));
    EXPECT_EQ(decode_superblock(torn, 0).error(), Damage::checksum);
}

// Or what is left of its records could not be read.
TEST(GoldenSuperblock, ThatIsRetiredSaysWhetherItsGroupWasRoomy) {
    Bytes area(superblock_area);
    encode_retired(ByteSpan(area).first(512), roomy_superblock(), retired(), 0);
    EXPECT_EQ(decode_retired(area, 0), retired());
    ASSERT_TRUE(superblock_before(area, 0));
    EXPECT_TRUE(superblock_before(area, 0)->geometry.roomy);
    EXPECT_FALSE(superblock_before(golden("superblock-retired", superblock_area), 0)->geometry.roomy);
}

TEST(GoldenSuperblock, ThatIsTooShortForItsTiersIsDamaged) {
    Bytes area = golden("superblock-tiers", superblock_area);
    const ByteSpan block = ByteSpan(area).first(512);
    seal(block, address_of(block), 0, load<std::uint16_t>(block, 6) - std::size_t{4});
    EXPECT_FALSE(decode_superblock(area, 0));
}

TEST(GoldenDoor, SaysWhatItSaid) {
    EXPECT_EQ(decode_door(golden("door-closed"), door_address()), DoorState::closed);
    EXPECT_EQ(decode_door(golden("door-open"), door_address()), DoorState::open);
}

// Groups of three disks that were written when their format was new.
struct OldGroup {
    const char* name;  // of its files, before that of the disk
    Geometry geometry;
    std::uint32_t slot;  // that wrote it
};

class GoldenGroup : public ::testing::TestWithParam<OldGroup> {
  protected:
    static std::string file(const MemoryDisk& disk) {
        return path(GetParam().name + std::string(disk.name()));
    }
};

TEST_P(GoldenGroup, IsStillReadable) {
    const auto& [name, geometry, slot] = GetParam();
    Cluster cluster(3, geometry);
    HostLocks home;
    if (updating()) {
        ASSERT_TRUE(cluster.format(slot + 1));
        Process process(cluster, home, host_named("home"), slot);
        ASSERT_TRUE(cluster.run(set_value(process.directory, "cell", "kept", cluster.soon())));
        ASSERT_TRUE(cluster.run(set_value(process.directory, "cell", "for ever", cluster.soon())));
        ASSERT_TRUE(cluster.run(propose(process.directory, "chosen", "once", cluster.soon())));
        for (auto& disk : cluster.disks) {
            const ByteView all(disk->at(0).data(), geometry.bytes());
            std::ofstream(file(*disk)) << to_hex(all);
        }
        return;
    }
    for (auto& disk : cluster.disks) {
        from_hex(slurp(file(*disk)), ByteSpan(disk->at(0).data(), geometry.bytes()));
    }
    Process process(cluster, home, host_named("home"), 0);
    ASSERT_TRUE(process.seated);
    const auto cell = cluster.run(process.directory.get("cell", cluster.soon()));
    ASSERT_TRUE(cell) << cell.error().sentence;
    EXPECT_EQ(as_text(cell->value), "for ever");
    EXPECT_EQ(cell->version, 2U);
    const auto chosen = cluster.run(propose(process.directory, "chosen", "twice", cluster.soon()));
    ASSERT_TRUE(chosen);
    EXPECT_EQ(as_text(chosen->value), "once");
}

INSTANTIATE_TEST_SUITE_P(
    Format, GoldenGroup,
    ::testing::Values(
        OldGroup{"group-", {.block_size = 512, .slots = 2, .ring = 1, .cells = 2}, 0},
        // Written from behind the second door, read from before the first.
        OldGroup{"group-tiers-", {.block_size = 512, .slots = 4, .ring = 1, .cells = 2, .tier = 1}, 2}),
    [](const auto& group) { return group.param.geometry.tier == 0 ? "1_0" : "1_2"; });

}  // namespace
}  // namespace diskpaxos
