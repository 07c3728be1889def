#include "demo/story.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace diskpaxos::demo {

namespace {

using namespace std::chrono_literals;

constexpr Duration patience = 60s;  // for what must come, on the slowest of machines

}  // namespace

Tempo Tempo::full() {
    return {3s, 10s, 1500ms, 4500ms, 6s, 6s};
}
Tempo Tempo::fast() {
    return {1s, 1500ms, 300ms, 1500ms, 1s, 1600ms};
}

Story::Story(Play& play, Director& director, Recording& recording, Tempo tempo, Say say,
             std::string agent)
    : play_(play),
      director_(director),
      recording_(recording),
      tempo_(tempo),
      say_(std::move(say)),
      agent_(std::move(agent)),
      random_(play.seed()) {
    const std::size_t some = agents() > 0 ? agents() : recording.disks.size();
    wiped_ = recording.disks.size() - some + random_.below(some);  // an agent's, if there is one
    unplugged_ = (wiped_ + 1 + random_.below(recording.disks.size() - 1)) % recording.disks.size();
}

Result<void> Story::tell() {
    for (const Scene scene : {&Story::gather, &Story::contend, &Story::kill_holder,
                              &Story::stop_holder, &Story::wipe_disk, &Story::lose_majority,
                              &Story::heal_disk, &Story::trust_healed, &Story::verify}) {
        const Result<void> done = (this->*scene)();
        if (!done) return done;
        for (const std::string& accident : director_.accidents()) expect(false, accident);
        if (!director_.accidents().empty()) break;
    }
    return {};
}

// ---- telling ----

void Story::open(const std::string& name, const std::string& line) {
    Act act;
    act.name = name;
    act.from = now();
    recording_.acts.push_back(std::move(act));
    say_(Tone::title, fmt::format("{}  {:<18} {}", recording_.acts.size(), name, line));
}

void Story::close(const std::string& number, const std::string& caption) {
    Act& act = recording_.acts.back();
    act.number = number;
    act.caption = caption;
    act.until = now();
    sort_events();
    say_(Tone::good, caption);
}

void Story::expect(bool holds, const std::string& sentence) {
    if (holds) return;
    violations_.push_back(sentence);
    say_(Tone::bad, "VIOLATION: " + sentence);
}

void Story::expect(const Violations& violations) {
    for (const std::string& violation : violations) expect(false, violation);
}

std::size_t Story::agents() const {
    return static_cast<std::size_t>(std::ranges::count_if(play_.stores(), &Store::active));
}

std::string Story::disks_in_words() const {
    const std::size_t all = recording_.disks.size();
    if (agents() == 0) return fmt::format("{} disks (files of 4 MiB)", all);
    if (agents() == all) return fmt::format("{} disks (stores of disk agents)", all);
    return fmt::format("{} disks ({} of disk agents, the others files)", all, agents());
}

// ---- waiting for what must come ----

Result<void> Story::await(const std::function<bool()>& done, const std::string& what) {
    const auto settled = [&] { return done() || !director_.accidents().empty(); };
    director_.until(settled, patience);
    if (done()) return {};
    std::string why = fmt::format("waited in vain for {}", what);
    for (const std::string& accident : director_.accidents()) why += "; " + accident;
    return std::unexpected(Error{Code::no, why});
}

// Whoever has the lock next keeps it, between its check of the lease and its write.
Result<unsigned> Story::catch_holder() {
    Directions& directions = play_.directions();
    directions.lingering = 0;
    directions.linger = true;
    const auto caught = [&] { return directions.lingering != 0; };
    if (auto fine = await(caught, "a holder"); !fine) return std::unexpected(fine.error());
    director_.watch(20ms);  // its notes are on the wire already
    return directions.lingering - 1;
}

Result<void> Story::joined_again(unsigned process) {
    const auto joined = [this, process] {
        for (const Event& event : recording_.events) {
            if (event.subject != process || event.what != Happening::joined) continue;
            const auto gone = std::max(last_time(Happening::killed, process),
                                       last_time(Happening::resumed, process));
            if (event.at > gone) return true;
        }
        return false;
    };
    return await(joined, fmt::format("process {} to join again", process + 1));
}

// ---- what was recorded so far ----

std::optional<Event> Story::last(Happening what, unsigned process) const {
    std::optional<Event> found;
    for (const Event& event : recording_.events) {
        if (event.what == what && event.subject == process) found = event;
    }
    return found;
}

Instant Story::last_time(Happening what, unsigned process) const {
    const auto event = last(what, process);
    return event ? event->at : Instant();
}

std::optional<Event> Story::next_holding(std::uint64_t after_token) const {
    for (const Event& event : recording_.events) {
        if (event.what == Happening::holding && event.token > after_token) return event;
    }
    return std::nullopt;
}

std::size_t Story::count(Happening what, Instant from) const {
    return static_cast<std::size_t>(std::ranges::count_if(
        recording_.events, [&](const Event& e) { return e.what == what && e.at >= from; }));
}

std::vector<Duration> Story::operation_times(Instant from, Instant until) const {
    std::vector<Duration> times;
    for (const sim::Operation& operation : recording_.operations) {
        if (operation.fate != sim::Operation::Fate::happened) continue;
        const Instant start(Duration(static_cast<std::int64_t>(operation.start)));
        const Instant end(Duration(static_cast<std::int64_t>(operation.end)));
        if (start >= from && end <= until) times.push_back(end - start);
    }
    return times;
}

Duration Story::slowest_operation(Instant from) const {
    const std::vector<Duration> times = operation_times(from, now());
    return times.empty() ? Duration(100ms) : std::max(Duration(100ms), std::ranges::max(times));
}

void Story::sort_events() {
    std::ranges::stable_sort(recording_.events, {}, &Event::at);
}

}  // namespace diskpaxos::demo
