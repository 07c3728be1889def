#include "demo/show.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>

#include "demo/director.hpp"
#include "demo/errands.hpp"
#include "demo/story.hpp"

namespace diskpaxos::demo {

namespace {

Play play_of(const ShowOptions& options, Duration ttl) {
    const std::string& folder = options.folder;
    return Play({folder + "/a.img", folder + "/b.img", folder + "/c.img"}, folder + "/writes.log",
                ttl, options.seed);
}

Recording blank(const ShowOptions& options, Duration ttl) {
    Recording recording;
    recording.start = now();
    recording.seed = options.seed;
    timespec time{};
    clock_gettime(CLOCK_REALTIME, &time);
    recording.unix_ms = static_cast<std::uint64_t>(time.tv_sec) * 1000;
    recording.command = options.command;
    recording.ttl = ttl;
    recording.processes = 5;
    recording.disks = {"a", "b", "c"};
    return recording;
}

}  // namespace

Result<ShowOutcome> perform(const ShowOptions& options, const Say& say) {
    const Tempo tempo = options.fast ? Tempo::fast() : Tempo::full();
    ShowOutcome outcome;
    outcome.recording = blank(options, tempo.ttl);
    Play play = play_of(options, tempo.ttl);
    Director director(play, outcome.recording);
    Story story(play, director, outcome.recording, tempo, say);
    const Result<void> told = story.tell();
    outcome.signal = Director::signal();
    if (!told && outcome.signal == 0) return std::unexpected(told.error());
    outcome.violations = story.violations();
    return outcome;
}

}  // namespace diskpaxos::demo
