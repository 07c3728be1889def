// The acts of the show, each with the numbers that it asserts.
#include "demo/story.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "demo/errands.hpp"
#include "lock/timing.hpp"

namespace diskpaxos::demo {

namespace {

using namespace std::chrono_literals;

double ms(Duration time) {
    return std::chrono::duration<double, std::milli>(time).count();
}
double seconds(Duration time) {
    return std::chrono::duration<double>(time).count();
}

Duration median(std::vector<Duration> times) {
    if (times.empty()) return {};
    std::ranges::sort(times);
    return times[times.size() / 2];
}

}  // namespace

Result<void> Story::gather() {
    say_(Tone::faint,
         fmt::format("{} processes, {}, majority {}, TTL {:.3g} s, seed {}",
                     recording_.processes, disks_in_words(), recording_.majority(),
                     seconds(tempo_.ttl), play_.seed()));
    const Result<Geometry> geometry = create_files(play_);
    if (!geometry) return std::unexpected(geometry.error());
    Result<void> made = director_.start_agents(agent_, *geometry);
    if (made) made = director_.errand([&] { return make_group(play_, *geometry); });
    if (!made) return made;
    recording_.start = now();
    for (unsigned process = 0; process < recording_.processes; ++process) director_.enter(process);
    return await([this] { return count(Happening::joined, {}) == recording_.processes; },
                 "the processes to join");
}

Result<void> Story::contend() {
    open("contend", "Five processes want one lock, and write under it.");
    const Instant begin = recording_.acts.back().from;
    director_.watch(tempo_.contend);
    const auto everybody_had_it = [&] {
        std::vector<unsigned> times(recording_.processes);
        for (const Event& event : recording_.events) {
            if (event.what == Happening::holding) ++times[event.subject];
        }
        return std::ranges::min(times) >= 2;
    };
    if (auto fine = await(everybody_had_it, "every process to have its turn"); !fine) return fine;
    sort_events();
    const std::vector<Holding> held = holdings(recording_);
    std::vector<Duration> gaps;
    for (std::size_t i = 1; i < held.size(); ++i) gaps.push_back(held[i].from - held[i - 1].until);
    usual_ = median(operation_times(begin, now()));
    hand_over_ = std::max(Duration(100ms), std::ranges::max(gaps));
    const Violations found = judge_holdings(held);
    expect(found);
    const std::string hand_overs = fmt::format("{} hand-overs", gaps.size());
    close(fmt::format("{}, {} overlaps", hand_overs, found.size()),
          fmt::format("{}, {:.0f} ms from one holder to the next (median), {} overlaps.",
                      hand_overs, ms(median(gaps)), found.size()));
    return {};
}

Result<void> Story::kill_holder() {
    open("kill -9", "The holder is killed where it stands.");
    const Result<unsigned> victim = catch_holder();
    if (!victim) return std::unexpected(victim.error());
    const std::uint64_t token = last(Happening::holding, *victim)->token;
    director_.kill(*victim);
    play_.directions().linger = false;
    play_.directions().lingering = 0;
    const Instant killed = last(Happening::killed, *victim)->at;
    if (auto fine = await([&] { return next_holding(token).has_value(); }, "a new holder"); !fine) {
        return fine;
    }
    const Event heir = *next_holding(token);
    const Duration took = heir.at - killed;
    const Duration bound =
        tempo_.ttl + Timing(tempo_.ttl).renewal() + slowest_operation(recording_.acts.front().from);
    expect(took <= bound, fmt::format("taking over took {:.2f} s, more than the bound of {:.2f} s",
                                      seconds(took), seconds(bound)));
    director_.watch(tempo_.look);
    director_.enter(*victim);
    if (auto fine = joined_again(*victim); !fine) return fine;
    recording_.figures.push_back(
        {fmt::format("{:.2f} s", seconds(took)), "from kill -9 to the next holder"});
    close(fmt::format("after {:.2f} s", seconds(took)),
          fmt::format("Process {} died with token {}; process {} had the lock after {:.2f} s "
                      "(bound {:.2f} s: TTL, one renewal, one acquisition).",
                      *victim + 1, token, heir.subject + 1, seconds(took), seconds(bound)));
    return {};
}

Result<void> Story::stop_holder() {
    open("SIGSTOP", "The holder falls asleep between its check and its write.");
    const Result<unsigned> sleeper = catch_holder();
    if (!sleeper) return std::unexpected(sleeper.error());
    const std::uint64_t token = last(Happening::holding, *sleeper)->token;
    director_.stop(*sleeper);
    play_.directions().linger = false;
    play_.directions().lingering = 0;
    const Instant begin = now();
    director_.watch(tempo_.sleep);
    const auto overtaken = [&] {
        const auto next = next_holding(token);
        return next && count(Happening::wrote, next->at) >= 2;
    };
    if (auto fine = await(overtaken, "others to take over from it"); !fine) return fine;
    const Duration slept = now() - begin;
    director_.resume(*sleeper);
    const auto woken = last(Happening::resumed, *sleeper)->at;
    const auto done = [&] {
        const auto refused = last(Happening::refused, *sleeper);
        const auto wrote = last(Happening::wrote, *sleeper);
        return (refused && refused->at >= woken) || (wrote && wrote->at >= woken);
    };
    if (auto fine = await(done, "its late write"); !fine) return fine;
    const auto refused = last(Happening::refused, *sleeper);
    expect(refused && refused->token == token && refused->largest > token,
           fmt::format("the late write under token {} was not refused", token));
    if (auto fine = joined_again(*sleeper); !fine) return fine;
    director_.watch(tempo_.look);
    const std::uint64_t largest = refused ? refused->largest : 0;
    recording_.figures.push_back(
        {fmt::format("{} < {}", token, largest), "a stale write, refused by its token"});
    close(fmt::format("{} < {}: refused", token, largest),
          fmt::format(
              "Process {} slept {:.1f} s with token {}, woke up and wrote at once. Stale write "
              "refused: token {} < {}. Its session is lost, and it knows.",
              *sleeper + 1, seconds(slept), token, token, largest));
    return {};
}

Result<void> Story::wipe_disk() {
    const std::string& disk = recording_.disks[wiped_];
    open("wipe a disk",
         play_.stores()[wiped_].active()
             ? fmt::format("Agent {} is killed, its store replaced by a blank one.", disk)
             : fmt::format("Zeros over the whole of disk {}, while all go on.", disk));
    const Instant begin = recording_.acts.back().from;
    if (auto fine = director_.wipe(wiped_); !fine) return fine;
    const Instant zeroed = now();
    director_.watch(tempo_.wiped);
    const auto goes_on = [&] {
        return count(Happening::holding, zeroed) >= 3 && operation_times(zeroed, now()).size() >= 3;
    };
    if (auto fine = await(goes_on, "work on two disks of three"); !fine) return fine;
    const Duration with_two = median(operation_times(begin, now()));
    const Duration limit = 10 * usual_ + 100ms;  // a disk that hung would cost seconds
    expect(with_two <= limit,
           fmt::format("operations take {:.1f} ms instead of {:.1f} ms", ms(with_two), ms(usual_)));
    close(fmt::format("{:.1f} ms, before {:.1f} ms", ms(with_two), ms(usual_)),
          fmt::format("2 of 3 disks: still safe, still live. {} hand-overs, operations take {:.1f} "
                      "ms (median; before: {:.1f} ms).",
                      count(Happening::holding, zeroed), ms(with_two), ms(usual_)));
    return {};
}

Result<void> Story::lose_majority() {
    open("lose the majority", fmt::format("Disk {} is unplugged, too (a switch holds its I/O up).",
                                          recording_.disks[unplugged_]));
    const Duration moment = std::min(
        tempo_.dark / 2, std::max(Duration(200ms), 2 * slowest_operation(recording_.acts[3].from)));
    director_.unplug(unplugged_);
    director_.watch(tempo_.dark);
    sort_events();
    const Instant end = now();
    const auto held = holdings(recording_);
    const auto holders =
        std::ranges::count_if(held, [&](const Holding& h) { return h.until > end; });
    expect(holders == 0, fmt::format("{} processes still hold the lock", holders));
    director_.plug(unplugged_);
    const Instant plugged = now();
    expect(judge_silence(recording_, moment));
    const auto goes_on = [&] { return count(Happening::wrote, plugged) >= 5; };
    if (auto fine = await(goes_on, "the show to go on with a majority"); !fine) return fine;
    director_.watch(tempo_.look);
    Instant first = now();
    for (const Event& event : recording_.events) {
        if (event.what == Happening::holding && event.at >= plugged)
            first = std::min(first, event.at);
    }
    close("0 holders, 0 decisions",
          fmt::format("1 of 3 disks for {:.1f} s: no majority. Waiting, not guessing: 0 holders, 0 "
                      "decisions. Plugged in again: a holder after {:.0f} ms.",
                      seconds(plugged - recording_.acts.back().from), ms(first - plugged)));
    return {};
}

Result<void> Story::heal_disk() {
    open("heal",
         fmt::format("Disk {} is written anew from the majority.", recording_.disks[wiped_]));
    const Instant begin = now();
    const auto healed = [&] {
        std::uint32_t percent = 0;
        for (const Event& event : recording_.events) {
            const bool told = event.what == Happening::healing || event.what == Happening::sound;
            if (told) percent = std::max(percent, event.percent);
        }
        return percent;
    };
    const bool slots = agents() < recording_.disks.size();  // or nothing waits for its user
    Result<void> done = director_.errand([&] { return heal_group(play_, wiped_, !slots); });
    if (!done) return done;
    director_.watch(2 * tempo_.look);
    const std::size_t under_load = count(Happening::holding, begin);
    const std::uint32_t first = healed();
    expect(under_load > 0, "nobody held the lock while the disk was healed");
    say_(Tone::faint,
         fmt::format("  {} % under load ({} hand-overs){}", first, under_load,
                     slots ? "; the rest belongs to those who use it" : ""));
    play_.directions().curtain = true;  // they leave; what they used can be healed now
    if (auto fine = await([this] { return director_.alive() == 0; }, "the processes to leave");
        !fine) {
        return fine;
    }
    done = director_.errand([this] { return heal_group(play_, wiped_, true); });
    if (!done) return done;
    close("3/3 disks sound",
          fmt::format("{}: 3/3 disks, verified by checksum and by majority.",
                      slots ? "The slots in use followed when their users had left"
                            : "Register by register, while all went on"));
    return {};
}

Result<void> Story::trust_healed() {
    const std::size_t untouched = 3 - wiped_ - unplugged_;
    open("trust it", fmt::format("Disk {} is unplugged: now the healed one must vote.",
                                 recording_.disks[untouched]));
    play_.directions().curtain = false;
    const Instant begin = now();
    for (unsigned process = 0; process < recording_.processes; ++process) director_.enter(process);
    const auto all_wrote = [&](Instant since) {
        return [this, since] { return count(Happening::wrote, since) >= recording_.processes; };
    };
    if (auto fine = await(all_wrote(begin), "the processes to come back"); !fine) return fine;
    director_.unplug(untouched);
    const Instant unplugged = now();
    director_.watch(2 * tempo_.look);
    if (auto fine = await(all_wrote(unplugged), "work on the healed disk"); !fine) return fine;
    const std::size_t hand_overs = count(Happening::holding, unplugged);
    director_.plug(untouched);
    play_.directions().curtain = true;
    if (auto fine = await([this] { return director_.alive() == 0; }, "the processes to leave");
        !fine) {
        return fine;
    }
    close(fmt::format("{} hand-overs", hand_overs),
          fmt::format("{} hand-overs with a majority that rests on the healed disk.", hand_overs));
    return {};
}

Result<void> Story::verify() {
    open("verify", "Everything that anybody was told, against the rules.");
    const Instant begin = now();
    sort_events();
    const auto held = holdings(recording_);
    const auto writes = Resource::lines(play_.resource());
    expect(judge_holdings(held));
    expect(judge_writes(writes, recording_));
    expect(judge_operations(recording_.operations));
    expect(writes.size() == count(Happening::wrote, {}),
           "the resource has writes that nobody was told of");
    const Duration took = now() - begin;
    recording_.figures.insert(recording_.figures.begin(), {fmt::format("{}", held.size()),
                                                           "holdings of the lock, no two at once"});
    recording_.figures.push_back({fmt::format("{}", recording_.operations.size()),
                                  "operations on a shared counter, linearizable"});
    close("linearizable",
          fmt::format("{} holdings: mutual exclusion, tokens rising. {} writes, {} operations: "
                      "linearizable. Checked in {:.1f} s.",
                      held.size(), writes.size(), recording_.operations.size(), seconds(took)));
    recording_.end = now();
    return {};
}

}  // namespace diskpaxos::demo
