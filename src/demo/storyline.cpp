#include "demo/storyline.hpp"

#include <algorithm>
#include <map>
#include <optional>

namespace diskpaxos::demo {

namespace {

std::optional<ProcessState> state_after(Happening what, ProcessState before) {
    switch (what) {
        case Happening::joined:
        case Happening::released:
            return ProcessState::idle;
        case Happening::waiting:
            return ProcessState::waiting;
        case Happening::holding:
            return ProcessState::holding;
        case Happening::killed:
        case Happening::left:
            return ProcessState::dead;
        case Happening::stopped:
            return ProcessState::frozen;
        case Happening::resumed:
        case Happening::lost:
            return ProcessState::expired;
        case Happening::wrote:
        case Happening::refused:
            return before;
        default:
            return std::nullopt;
    }
}

// The token of whoever stopped or died in the middle of a holding stays with it.
std::uint64_t token_after(const Event& event, std::uint64_t before) {
    if (event.what == Happening::holding) return event.token;
    const bool keeps = event.what == Happening::killed || event.what == Happening::stopped;
    return keeps ? before : 0;
}

}  // namespace

std::vector<Stretch> process_stretches(const Recording& recording) {
    std::vector<Stretch> all;
    for (unsigned process = 0; process < recording.processes; ++process) {
        std::optional<Stretch> open;
        for (std::size_t i = 0; i < recording.events.size(); ++i) {
            const Event& event = recording.events[i];
            if (to_disk(event.what) || event.subject != process) continue;
            const ProcessState before = open ? open->state : ProcessState::idle;
            const ProcessState after = *state_after(event.what, before);
            if (open && after == before && event.what != Happening::holding) continue;
            const std::uint64_t token = token_after(event, open ? open->token : 0);
            if (open) {
                open->until = event.at;
                all.push_back(*open);
            }
            open = Stretch{event.subject, after, event.at, event.at, token, i};
        }
        if (!open) continue;
        open->until = recording.end;
        all.push_back(*open);
    }
    return all;
}

std::vector<Holding> holdings(const Recording& recording) {
    std::vector<Holding> all;
    std::map<std::uint8_t, std::size_t> open;  // process -> its holding
    std::map<std::uint8_t, Instant> lease;     // until when that process may act at most
    for (const Event& event : recording.events) {
        if (to_disk(event.what)) continue;
        if (event.margin > Duration::zero()) lease[event.subject] = event.at + event.margin;
        if (event.what == Happening::holding) {
            open[event.subject] = all.size();
            all.push_back({event.subject, event.token, event.at, recording.end});
            continue;
        }
        const bool over = event.what == Happening::released || event.what == Happening::killed ||
                          event.what == Happening::lost || event.what == Happening::left;
        const auto found = open.find(event.subject);
        if (!over || found == open.end()) continue;
        Holding& holding = all[found->second];
        holding.until = event.at;
        holding.died = event.what != Happening::released;
        const auto limit = lease.find(event.subject);
        if (limit != lease.end() && limit->second < holding.until) {
            holding.until = std::max(limit->second, holding.from);
            holding.died = true;
        }
        open.erase(found);
    }
    for (const auto& [process, index] : open) {
        const auto limit = lease.find(process);
        if (limit != lease.end()) all[index].until = std::min(recording.end, limit->second);
    }
    return all;
}

std::vector<DiskStretch> disk_stretches(const Recording& recording) {
    std::vector<DiskStretch> all;
    for (std::size_t disk = 0; disk < recording.disks.size(); ++disk) {
        const auto number = static_cast<std::uint8_t>(disk);
        DiskStretch open{number, DiskState::sound, recording.start, recording.start, 100, no_event};
        for (std::size_t i = 0; i < recording.events.size(); ++i) {
            const Event& event = recording.events[i];
            if (!to_disk(event.what) || event.subject != disk) continue;
            open.until = event.at;
            if (open.until > open.from) all.push_back(open);
            open.from = event.at;
            open.event = i;
            switch (event.what) {
                case Happening::wiped:
                    open.state = DiskState::wiped;
                    break;
                case Happening::unplugged:
                    open.state = DiskState::unplugged;
                    break;
                case Happening::healing:
                    open.state = DiskState::healing;
                    break;
                default:
                    open.state = DiskState::sound;
                    break;
            }
            open.percent = open.state == DiskState::healing ? event.percent : 100;
        }
        open.until = recording.end;
        all.push_back(open);
    }
    return all;
}

std::vector<Interval> without_majority(const Recording& recording) {
    std::vector<Interval> all;
    std::vector<bool> sound(recording.disks.size(), true);
    bool lost = false;
    for (const Event& event : recording.events) {
        if (!to_disk(event.what) || event.subject >= sound.size()) continue;
        sound[event.subject] = event.what == Happening::sound || event.what == Happening::plugged;
        const auto count = static_cast<std::size_t>(std::ranges::count(sound, true));
        const bool now = count < recording.majority();
        if (now && !lost) all.push_back({event.at, recording.end});
        if (!now && lost) all.back().until = event.at;
        lost = now;
    }
    return all;
}

std::vector<Latency> latencies(const Recording& recording, Duration width) {
    std::map<std::int64_t, std::vector<Duration>> bins;
    for (const sim::Operation& operation : recording.operations) {
        if (operation.fate != sim::Operation::Fate::happened) continue;
        const Instant end(Duration(static_cast<std::int64_t>(operation.end)));
        bins[(end - recording.start) / width].push_back(
            Duration(static_cast<std::int64_t>(operation.end - operation.start)));
    }
    std::vector<Latency> all;
    for (auto& [bin, times] : bins) {
        std::ranges::sort(times);
        const Instant from = recording.start + bin * width;
        all.push_back({{from, from + width}, times[times.size() / 2], times.back(), times.size()});
    }
    return all;
}

}  // namespace diskpaxos::demo
