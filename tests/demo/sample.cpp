#include "sample.hpp"

#include <algorithm>

namespace diskpaxos::demo {

namespace {

using namespace std::chrono_literals;

class Scribe {
  public:
    explicit Scribe(Recording& recording) : recording_(recording) {}

    Event& note(double ms, Happening what, std::uint8_t subject, std::uint64_t token = 0) {
        Event event;
        event.at = sample_time(ms);
        event.what = what;
        event.subject = subject;
        event.token = token;
        if (!to_disk(what)) event.pid = 4000 + subject;
        if (what == Happening::holding) {
            event.margin = 2800ms;
            event.round = 900 + token;
        }
        recording_.events.push_back(event);
        return recording_.events.back();
    }

    // They take turns, for so long.
    void contend(double from, double until, std::vector<std::uint8_t> who) {
        for (const std::uint8_t process : who) note(from, Happening::waiting, process);
        double at = from;
        for (std::size_t turn = 0; at + 40 < until; ++turn, at += 44) {
            const std::uint8_t process = who[turn % who.size()];
            note(at + 4, Happening::holding, process, ++token_);
            note(at + 20, Happening::wrote, process, token_);
            note(at + 38, Happening::released, process, token_);
            note(at + 43, Happening::waiting, process);
        }
    }
    std::uint64_t hold(double at, std::uint8_t process) {
        note(at, Happening::holding, process, ++token_);
        return token_;
    }

    void operations(double from, double until, double took) {
        for (double at = from; at + took < until; at += 37) {
            sim::Operation operation;
            operation.kind = sim::Operation::Kind::add;
            operation.argument = 1;
            operation.process = static_cast<unsigned>(recording_.operations.size() % 5);
            operation.start = nanoseconds(at);
            operation.end =
                nanoseconds(at + took * (1 + 0.3 * static_cast<double>(operation.process)));
            operation.fate = sim::Operation::Fate::happened;
            const std::uint64_t count = recording_.operations.size() + 1;
            operation.seen = sim::Content{count, count};
            recording_.operations.push_back(operation);
        }
    }

  private:
    static std::uint64_t nanoseconds(double ms) {
        return static_cast<std::uint64_t>(sample_time(ms).time_since_epoch().count());
    }
    Recording& recording_;
    std::uint64_t token_ = 0;
};

void act(Recording& recording, const char* name, double from, double until, const char* number,
         const char* caption) {
    recording.acts.push_back({name, number, caption, sample_time(from), sample_time(until)});
}

}  // namespace

Recording sample_recording() {
    Recording show;
    show.start = sample_time(0);
    show.end = sample_time(27'000);
    show.seed = 7;
    show.unix_ms = 1'800'000'000'000;
    show.command = "diskpaxos demo --seed 7";
    show.ttl = 3s;
    show.processes = 5;
    show.disks = {"a", "b", "c"};
    Scribe scribe(show);
    for (std::uint8_t process = 0; process < 5; ++process) {
        scribe.note(100, Happening::joined, process);
    }
    scribe.contend(200, 4000, {0, 1, 2, 3, 4});
    scribe.hold(4100, 1);
    scribe.note(4300, Happening::killed, 1);
    scribe.contend(7200, 8000, {0, 2, 3, 4});
    scribe.note(8000, Happening::joined, 1);
    const std::uint64_t stale = scribe.hold(8100, 3);
    scribe.note(8300, Happening::stopped, 3);
    scribe.contend(11'300, 12'000, {0, 1, 2, 4});
    scribe.note(12'100, Happening::resumed, 3);
    scribe.note(12'130, Happening::refused, 3, stale).largest = stale + 15;
    scribe.note(12'400, Happening::lost, 3);
    scribe.note(12'800, Happening::joined, 3);
    scribe.contend(13'000, 14'000, {0, 1, 2, 3, 4});
    scribe.note(14'000, Happening::wiped, 1);
    scribe.contend(14'000, 17'000, {4, 3, 2, 1, 0});
    scribe.note(17'000, Happening::unplugged, 2);
    scribe.note(20'000, Happening::plugged, 2);
    scribe.contend(20'200, 25'000, {0, 1, 2, 3, 4});
    for (std::uint32_t percent = 0; percent < 100; percent += 20) {
        scribe.note(22'000 + 10 * percent, Happening::healing, 1).percent = percent;
    }
    scribe.note(23'000, Happening::sound, 1);
    for (std::uint8_t process = 0; process < 5; ++process) {
        scribe.note(26'000, Happening::left, process);
    }
    std::ranges::stable_sort(show.events, {}, &Event::at);
    scribe.operations(200, 17'000, 2.5);
    scribe.operations(20'100, 26'000, 2.5);

    act(show, "contend", 0, 4000, "86 hand-overs, 0 overlaps", "Five processes want one lock.");
    act(show, "kill -9", 4000, 8000, "taken over after 2.9 s", "The holder is killed <at once>.");
    act(show, "SIGSTOP", 8000, 14'000, "stale write refused", "A late write meets its token.");
    act(show, "wipe a disk", 14'000, 17'000, "median 2.5 ms", "Zeros over the whole of disk b.");
    act(show, "lose the majority", 17'000, 21'000, "0 holders",
        "Nobody \"guesses\" & nobody holds.");
    act(show, "heal", 21'000, 25'000, "8192 blocks", "Disk b comes back.");
    act(show, "verify", 25'000, 27'000, "linearizable", "Every answer was one that could be.");
    show.figures = {{"201", "hand-overs, no two at once"},
                    {"2.9 s", "from kill -9 to the next holder"},
                    {"1", "stale write tried, and refused"},
                    {"612", "operations, linearizable"}};
    return show;
}

}  // namespace diskpaxos::demo
