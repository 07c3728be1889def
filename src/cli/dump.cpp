// `dump`: decodes one disk, read-only, whatever state it is in.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "cli/dump_cells.hpp"
#include "cli/dump_layout.hpp"
#include "cli/existing.hpp"
#include "cli/invocation.hpp"
#include "cli/lock_view.hpp"
#include "cli/named_json.hpp"
#include "cli/open_group.hpp"

namespace diskpaxos::cli {

namespace {

std::string format_of(const Superblock& superblock) {
    return fmt::format("{}.{}", format_major, superblock.minor());
}

Json described(const Superblock& superblock) {
    Json object;
    object["group"] = uuid_text(superblock.group);
    put_text(object, "name", superblock.name);
    object["index"] = superblock.index;
    object["disk"] = uuid_text(superblock.disks[superblock.index]);
    object["disks"] = superblock.disks.size();
    object["block_size"] = superblock.geometry.block_size;
    object["slots"] = superblock.geometry.slots;
    object["ring"] = superblock.geometry.ring;
    object["cells"] = superblock.geometry.cells;
    object["first_tier"] = superblock.geometry.tier_end(0);
    object["ttl_ms"] = superblock.ttl_ms;
    object["epoch"] = superblock.epoch;
    object["formatted"] = rfc3339(superblock.formatted_ms);
    return object;
}

void show_superblock(const Superblock& s, const DumpedDisk& disk, Output& out) {
    out.line(fmt::format("disk {} of {} of group \"{}\"", s.index + 1, s.disks.size(), printable(s.name)));
    out.line(fmt::format("  group      {}", uuid_text(s.group)));
    out.line(fmt::format("  disk       {}", uuid_text(s.disks[s.index])));
    out.line(fmt::format("  layout     {} slots of {} blocks, {} cells, blocks of {} bytes{}",
                         s.geometry.slots, s.geometry.ring, s.geometry.cells,
                         s.geometry.block_size, disk.retired ? "" : "; format " + format_of(s)));
    if (s.geometry.doors() > 0) {
        out.line(fmt::format("  tiers      {}: slots 0 to {} are the first", s.geometry.doors() + 1,
                             s.geometry.tier_end(0) - 1));
    }
    out.line(fmt::format("  TTL        {}, epoch {}, formatted {}",
                         brief(std::chrono::milliseconds(s.ttl_ms)), s.epoch,
                         rfc3339(s.formatted_ms)));
    for (std::size_t copy = 0; copy < 2; ++copy) {
        out.line(fmt::format("  superblock {}: {}", copy == 0 ? "front" : "back ",
                             out.paint(disk.superblocks[copy] == Damage::none ? Colour::good
                                                                              : Colour::bad,
                                       sound_or(disk.superblocks[copy]))));
    }
}

// Who took it from its group, and how far that one came stands in what follows.
void show_retired(const Retired& retired, Json& object, Output& out) {
    out.line(fmt::format("  {}    at {} by host {}: somebody has begun to make another group of it",
                         out.paint(Colour::bad, "retired"), rfc3339(retired.at_ms),
                         printable(retired.host_name)));
    object["retired"] = {{"at", rfc3339(retired.at_ms)}, {"wait_ms", retired.wait_ms}};
    put_text(object["retired"], "host", retired.host_name);
}

const char* state_of(const SlotEntry& entry) {
    switch (entry.state) {
        case SlotState::free: return "free";
        case SlotState::taken: return "taken";
        case SlotState::borrowed: return "borrowed";
        case SlotState::returning: return "returning";
    }
    return "";
}

using Entry = std::expected<SlotEntry, Damage>;

std::string text_of(const Entry& entry, const Output& out) {
    if (!entry) return out.paint(Colour::bad, describe(entry.error()));
    return fmt::format("{:8} turn {}  host {} ({})  since {}", state_of(*entry), entry->turn,
                       printable(entry->host_name), uuid_text(entry->host).substr(0, 8),
                       rfc3339(entry->since_ms));
}

Json described(std::uint32_t slot, const char* block, const Entry& entry) {
    Json object;
    object["slot"] = slot;
    object["block"] = block;
    if (!entry) {
        object["damage"] = describe(entry.error());
        return object;
    }
    object["state"] = state_of(*entry);
    object["turn"] = entry->turn;
    object["host"] = uuid_text(entry->host);
    put_text(object, "host_name", entry->host_name);
    object["since"] = rfc3339(entry->since_ms);
    return object;
}

// One line where its two blocks are about one claim, as with all slots but those that change hands.
void dump_slot(const DumpedDisk& disk, std::uint32_t slot, Json& list, Output& out) {
    const Entry& claim = disk.table.claims[slot];
    const Entry& owner = disk.table.owners[slot];
    const auto unused = [](const Entry& entry) {
        return entry && !entry->held() && entry->turn == 0;
    };
    // Who has claimed it, and nobody after.
    const bool agreed = claim && owner && owner->held() && claim->host == owner->host &&
                        claim->turn == owner->turn && !claim->held();
    if (agreed) out.line(fmt::format("  {:4} owner  {}", slot, text_of(owner, out)));
    for (const BlockKind kind : {BlockKind::claim, BlockKind::owner}) {
        const Entry& entry = kind == BlockKind::claim ? claim : owner;
        const bool others = disk.retired && !entry && entry.error() == Damage::foreign;
        if (others || unused(entry)) continue;
        const char* block = kind == BlockKind::claim ? "claim" : "owner";
        if (!agreed) out.line(fmt::format("  {:4} {}  {}", slot, block, text_of(entry, out)));
        list.push_back(described(slot, block, entry));
    }
}

Json dump_slots(const DumpedDisk& disk, Output& out) {
    Json list = Json::array();
    out.line("slots that are or were in use:");
    if (!disk.table.read) {
        out.line("  the slot table cannot be read");
        return list;
    }
    for (std::uint32_t slot = 0; slot < disk.group.geometry.slots; ++slot) {
        dump_slot(disk, slot, list, out);
    }
    return list;
}

Result<CellFilter> filter_of(const Invocation& call, const Superblock& group) {
    CellFilter filter;
    const std::optional<std::string> wish = call.text("cell");
    if (!wish) return filter;
    const bool number = !wish->empty() && std::ranges::all_of(*wish, [](char c) {
        return c >= '0' && c <= '9';
    });
    if (!number) {
        filter.name = *wish;
        return filter;
    }
    const auto cell = parse_number(*wish, "--cell", 0, group.geometry.cells - 1);
    if (!cell) return std::unexpected(cell.error());
    filter.number = static_cast<std::uint32_t>(*cell);
    return filter;
}

Result<Disk*> open_disk(RealWorld& real, const std::string& name, Duration patience) {
    if (node::is_url(name)) {
        auto active = real.run(node::open_active(real.world(), real.loop(), name, patience));
        if (!active) return std::unexpected(active.error());
        return &real.add(name, std::move(*active));
    }
    auto file = io::OpenDisk::open(name, io::Access::read);
    if (!file) return std::unexpected(file.error());
    return &real.add(std::move(*file));
}

}  // namespace

Result<int> run_dump(const Invocation& call, Output& out) {
    const auto backend = call.backend();
    if (!backend) return std::unexpected(backend.error());
    auto real = RealWorld::make(*backend, warn_to(out));
    if (!real) return std::unexpected(real.error());
    const Result<Duration> patience = call.timeout();
    if (!patience) return std::unexpected(patience.error());
    const Result<Disk*> opened = open_disk(**real, call.arguments().front(), *patience);
    if (!opened) return std::unexpected(opened.error());
    Disk& device = **opened;

    Result<DumpLayout> layout = layout_of(**real, device, *patience);
    if (!layout) return std::unexpected(with_content(layout.error(), call.arguments()));
    const Superblock& superblock = layout->superblock;
    const Result<CellFilter> filter = filter_of(call, superblock);
    if (!filter) return std::unexpected(filter.error());

    DumpedDisk disk((*real)->world(), device, superblock, *patience);
    disk.retired = layout->retired.has_value();
    (*real)->run(disk.read_tables());
    show_superblock(superblock, disk, out);
    Json object = described(superblock);
    if (layout->retired) show_retired(*layout->retired, object, out);
    else object["format"] = format_of(superblock);
    object["front_superblock"] = sound_or(disk.superblocks[0]);
    object["back_superblock"] = sound_or(disk.superblocks[1]);
    if (filter->all()) object["slot_table"] = dump_slots(disk, out);
    object["blocks"] = Json::array();
    out.line(filter->all() ? "blocks that are in use or damaged:" : "blocks:");
    const bool whole = (*real)->run(disk.dump_cells(*filter, object["blocks"], out));
    if (disk.silent()) {
        return std::unexpected(
            Error{Code::io, fmt::format("{} does not answer; what is above is all that it showed",
                                        call.arguments().front())});
    }
    if (disk.of_others > 0) {
        out.line(fmt::format("  {} are another group's by now",
                             counted(disk.of_others, "block", "blocks")));
    }
    if (disk.retired) object["retired"]["blocks_of_others"] = disk.of_others;
    out.object(std::move(object));
    return whole ? 0 : exit_code(Code::io);
}

}  // namespace diskpaxos::cli
