// `format`: makes disks a group. Everything that can be refused is refused before the first write;
// after that, whatever goes wrong leaves no group behind.
#include "group/format.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <iostream>

#include "cli/existing.hpp"
#include "cli/format_order.hpp"
#include "cli/invocation.hpp"
#include "cli/lock_view.hpp"
#include "cli/new_disks.hpp"
#include "cli/open_group.hpp"
#include "cli/progress.hpp"
#include "cli/takeover.hpp"
#include "cli/write_group_file.hpp"

namespace diskpaxos::cli {

namespace {

std::string content_of(const Candidate& disk) {
    std::string text;
    for (const std::string& what : disk.content) text += (text.empty() ? "" : ", ") + what;
    return text;
}

std::string losses_of(const Order& order) {
    std::string losses;
    for (const Candidate& disk : order.disks) {
        if (disk.content.empty()) continue;
        losses +=
            fmt::format("{}{} holds {}", losses.empty() ? "" : "; ", disk.path, content_of(disk));
    }
    return losses;
}

// Of groups of which only a minority of the disks is named.
std::vector<std::string> notes_of(const std::vector<Predecessor>& groups) {
    std::vector<std::string> notes;
    for (const Predecessor& before : groups) {
        if (!before.majority()) notes.push_back(lives_on(before));
    }
    return notes;
}

enum class Yes : std::uint8_t { at_once, after_a_while };

// What would be lost is named first; then a person may say yes, or --force has.
Result<Yes> confirm(const Order& order, const std::vector<Predecessor>& groups,
                    const Invocation& call, Output& out) {
    const std::vector<std::string> notes = notes_of(groups);
    const std::string losses = losses_of(order);
    if (losses.empty() || call.has("force")) {
        for (const std::string& note : notes) out.warn(note);
        return Yes::at_once;
    }
    std::string more;
    for (const std::string& note : notes) more += "; " + note;
    if (isatty(STDIN_FILENO) != 1 || isatty(STDERR_FILENO) != 1) {
        return std::unexpected(Error{
            Code::no, fmt::format("{}{}; nothing was written, --force overwrites it", losses, more)});
    }
    fmt::print(stderr, "{}.\nAll of it will be lost{}. Type yes to go on: ", losses, more);
    std::fflush(stderr);
    std::string answer;
    std::getline(std::cin, answer);
    if (answer == "yes") return Yes::after_a_while;
    return std::unexpected(Error{Code::no, "the answer was not yes; nothing was written"});
}

Json described(const Order& order) {
    Json object;
    object["name"] = order.name;
    object["disks"] = Json::array();
    for (const Candidate& disk : order.disks) {
        Json entry;
        entry["path"] = disk.path;
        entry["created"] = disk.missing;
        entry["overwritten"] = disk.content;
        entry["active"] = is_active(disk);
        object["disks"].push_back(std::move(entry));
    }
    object["block_size"] = order.geometry.block_size;
    object["slots"] = order.geometry.slots;
    object["cells"] = order.geometry.cells;
    object["ttl_ms"] = order.ttl_ms;
    object["bytes_per_disk"] = most_bytes(order);
    return object;
}

std::string layout_of(const Order& order, const std::string& share) {
    const bool slots = !std::ranges::all_of(order.disks, is_active);
    return fmt::format("blocks of {} bytes, {} {}{}, {} cells, TTL {}", order.geometry.block_size,
                       order.geometry.slots, slots ? "slots" : "sessions at a time",
                       slots ? share : "", order.geometry.cells,
                       brief(std::chrono::milliseconds(order.ttl_ms)));
}

void show_takeover(const std::vector<Predecessor>& groups, const Takeover& takeover, Output& out) {
    for (const Predecessor& before : groups) {
        for (const auto& [slot, seen] : before.live) {
            out.line(fmt::format("would put out {}", name_of(seen)));
        }
        if (before.unknown) out.line(printable(before.unknown->sentence));
    }
    if (takeover.wait == Duration(0)) return;
    out.line(fmt::format("would wait {} until all of group \"{}\" have noticed",
                         brief(takeover.wait), takeover.group));
}

int show_plan(const Order& order, const std::vector<Predecessor>& groups, const Invocation& call,
              Output& out) {
    const Takeover takeover = planned_takeover(groups, order.disks);
    out.line(fmt::format("would make group \"{}\" of {} disk{}, {} each:", order.name,
                         order.disks.size(), order.disks.size() == 1 ? "" : "s",
                         in_bytes(static_cast<double>(most_bytes(order)))));
    for (const Candidate& disk : order.disks) {
        const std::string what = disk.missing           ? "would be created"
                                 : disk.content.empty() ? "blank"
                                                        : "would lose " + content_of(disk);
        out.line(fmt::format("  {}: {}", disk.path, what));
    }
    for (const std::string& note : notes_of(groups)) out.warn(note);
    show_takeover(groups, takeover, out);
    const bool asks = !losses_of(order).empty() && !call.has("force");
    if (asks) out.line("would ask first on a terminal, and refuse without one: see --force");
    out.line(layout_of(order, "") + "; nothing was written");
    Json object = described(order);
    object["dry_run"] = true;
    object["asks"] = asks;
    object["wait_ms"] = in_ms(takeover.wait);
    out.object(std::move(object));
    return 0;
}

// Locked for as long as we work on it. What we lock is still what its path leads to: another `format`
// deletes only what it has created and locked itself.
Result<std::unique_ptr<io::OpenDisk>> open_locked(const Candidate& disk, std::uint64_t bytes,
                                                  CreatedFiles& created) {
    auto file = io::OpenDisk::open(disk.path, io::Access::overwrite, bytes);
    if (!file) return file;
    const bool busy = (*file)->lock_slot(io::format_lock) == io::LockAnswer::busy;
    if (!busy && leads_to(disk.path, **file)) return file;
    created.leave(disk.path);
    return std::unexpected(
        Error{Code::in_use, fmt::format("another \"diskpaxos format\" of this host is at work on {}; "
                                        "wait for its end, or end it first",
                                        disk.path)});
}

// From here on it writes. What it creates vanishes if it goes no further.
Result<void> open_all(Order& order, RealWorld& real, CreatedFiles& created) {
    for (Candidate& disk : order.disks) {
        if (is_active(disk)) {
            real.add(disk.path, std::move(disk.active));
            continue;
        }
        if (disk.missing) {
            const std::uint64_t bytes = bytes_on(disk, order.geometry);
            if (auto fine = created.create(disk.path, bytes); !fine) return fine;
        }
        auto file = open_locked(disk, order.geometry.bytes(), created);
        if (!file) return std::unexpected(file.error());
        if (!real.add(std::move(*file)).use_block_size(order.geometry.block_size)) {
            return usage(fmt::format("{} cannot be used in blocks of {} bytes; see --block-size",
                                     disk.path, order.geometry.block_size));
        }
    }
    return node::refuse_twins(real.members());
}

Result<void> wipe_all(const Order& order) {
    for (const Candidate& disk : order.disks) {
        if (disk.content.empty() || is_active(disk) || wipe_signatures(disk.path)) continue;
        return std::unexpected(Error{
            Code::io,
            fmt::format("{}: its old signatures cannot be removed; see wipefs(8)", disk.path)});
    }
    return {};
}

Task<void> stop_on(Event& signal, bool& stop) {
    co_await signal.wait();
    stop = true;
}

// The number of the signal that ended it early; 0: it was finished.
Result<int> write_all(RealWorld& real, FormatPlan plan, Event& signal, bool quiet) {
    bool stop = false;
    std::optional<Progress> bar;
    Formatter formatter(real.world(), std::move(plan),
                        [&bar](std::uint64_t bytes) { bar->show(bytes); });
    bar.emplace(formatter.total_bytes(), !quiet);
    Scope watch(real.loop().queue());
    watch.spawn(stop_on(signal, stop));
    const Result<void> done = real.run(formatter.run(stop));
    if (done) return 0;
    if (stop) return real.loop().signal();
    return std::unexpected(done.error());
}

void show_group(const Order& order, const Superblock& group, std::uint32_t host_slots,
                const Takeover& takeover, const Invocation& call, Output& out) {
    const std::string uuid = uuid_text(group.group);
    out.line(fmt::format("group \"{}\" {} on {} disk{}, {} each", group.name, uuid,
                         order.disks.size(), order.disks.size() == 1 ? "" : "s",
                         in_bytes(static_cast<double>(most_bytes(order)))));
    for (const Candidate& disk : order.disks) {
        out.line(fmt::format("  {}{}", disk.path, disk.missing ? " (created)" : ""));
    }
    out.line(layout_of(order, fmt::format(" ({} of them this host's)", host_slots)));
    if (const auto conf = call.text("conf")) out.line(fmt::format("group file: {}", *conf));
    Json object = described(order);
    object["group"] = uuid;
    object["host_slots"] = std::ranges::all_of(order.disks, is_active) ? 0 : host_slots;
    object["evicted"] = takeover.evicted;
    object["conf"] = call.text("conf") ? Json(*call.text("conf")) : Json();
    out.object(std::move(object));
}

void warn_of_overlays(const Order& order, Output& out) {
    for (const Candidate& disk : order.disks) {
        if (!disk.overlay) continue;
        out.warn(
            fmt::format("{} lies on overlayfs: whoever mounts the same layer elsewhere may write "
                        "to another file, and hold the same locks; use a volume or a device",
                        disk.path));
    }
}

FormatPlan plan_of(const Order& order, const RealWorld& real, const Takeover& takeover,
                   Output& out) {
    FormatPlan plan;
    for (const RealWorld::Member& member : real.members()) plan.disks.push_back(member.disk.get());
    plan.superblock = new_superblock(order.name, order.disks.size(), order.geometry, order.ttl_ms,
                                     node::unix_ms());
    for (const Candidate& disk : order.disks) {
        plan.before.push_back({disk.before.group, disk.before.retired.has_value()});
    }
    plan.wait = takeover.wait;
    plan.waiting = [&takeover, &out] {
        out.warn(
            fmt::format("waiting {} until all of group \"{}\" have noticed, and what they wrote "
                        "last has landed",
                        brief(takeover.wait), takeover.group));
    };
    return plan;
}

// After all the waiting.
void warn_of_users(const Order& order, RealWorld& real, const Takeover& takeover, Output& out) {
    if (takeover.wait == Duration(0)) return;
    for (const RealWorld::Member& member : real.members()) {
        if (member.file) member.file->unlock_slot(io::format_lock);  // it would be seen below
    }
    for (const Candidate& disk : order.disks) {
        if (!used_here(disk, real)) continue;
        out.warn(
            fmt::format("{}: a process of this host still has the old group open; end it "
                        "(fuser names it)",
                        disk.path));
    }
}

// Whether somebody is in what is to be overwritten; refuses it, without --evict.
Result<std::vector<Predecessor>> look(const Order& order, RealWorld& real, const Invocation& call,
                                      Output& out) {
    if (auto fine = refuse_unknown_users(order.disks, real, call); !fine) {
        return std::unexpected(fine.error());
    }
    auto groups = look_at_users(order.disks, real, call, out);
    if (!groups || call.has("evict")) return groups;
    if (auto fine = refuse_users(*groups); !fine) return std::unexpected(fine.error());
    return groups;
}

Result<int> make_group(Order& order, const std::vector<Predecessor>& groups, RealWorld& real,
                       const Invocation& call, Output& out) {
    Event signal;
    CreatedFiles created;
    GroupFile conf;
    real.loop().watch_signals({SIGINT, SIGTERM, SIGHUP}, signal);
    if (auto fine = open_all(order, real, created); !fine) return std::unexpected(fine.error());

    Takeover takeover = planned_takeover(groups, order.disks);
    FormatPlan plan = plan_of(order, real, takeover, out);
    const Superblock group = plan.superblock;
    const Result<node::ThisHost> host = node::this_host(group.group);
    if (!host) return std::unexpected(host.error());
    if (!host->note.empty()) out.warn(host->note);
    plan.host = host->host;
    plan.host_slots = first_share(order.geometry.slots);
    const std::uint32_t host_slots = plan.host_slots;
    if (const auto path = call.text("conf")) {
        if (auto fine = conf.prepare(*path, group, order.disks); !fine) {
            return std::unexpected(fine.error());
        }
    }
    put_out(groups, call, takeover, out);
    if (auto fine = wipe_all(order); !fine) return std::unexpected(fine.error());

    const Result<int> stopped = write_all(real, std::move(plan), signal, out.json());
    if (!stopped) {
        if (stopped.error().code == Code::in_use) created.leave_all();
        return std::unexpected(stopped.error());
    }
    if (*stopped != 0) {
        return out.fail("interrupted", "format was interrupted; no group was made, format again",
                        128 + *stopped);
    }
    if (auto fine = created.keep(); !fine) return std::unexpected(fine.error());
    if (auto fine = conf.publish(); !fine) return std::unexpected(fine.error());
    out.changed();
    warn_of_users(order, real, takeover, out);
    show_group(order, group, host_slots, takeover, call, out);
    return 0;
}

}  // namespace

Result<int> run_format(const Invocation& call, Output& out) {
    const auto backend = call.backend();
    if (!backend) return std::unexpected(backend.error());
    auto real = RealWorld::make(*backend, warn_to(out));
    if (!real) return std::unexpected(real.error());
    Result<Order> order = understood(call, **real);
    if (!order) return std::unexpected(order.error());
    auto groups = look(*order, **real, call, out);
    if (!groups) return std::unexpected(groups.error());
    warn_of_overlays(*order, out);
    if (call.has("dry-run")) return show_plan(*order, *groups, call, out);
    const Result<Yes> yes = confirm(*order, *groups, call, out);
    if (!yes) return std::unexpected(yes.error());
    if (*yes == Yes::after_a_while) {  // somebody may have come meanwhile
        groups = look(*order, **real, call, out);
        if (!groups) return std::unexpected(groups.error());
    }
    return make_group(*order, *groups, **real, call, out);
}

}  // namespace diskpaxos::cli
