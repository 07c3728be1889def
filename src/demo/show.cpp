#include "demo/show.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <optional>

#include "demo/agents.hpp"
#include "demo/director.hpp"
#include "demo/errands.hpp"
#include "demo/story.hpp"

namespace diskpaxos::demo {

namespace fs = std::filesystem;

namespace {

constexpr unsigned disks = 3;

std::vector<Store> stores_of(const ShowOptions& options) {
    std::vector<Store> stores;
    for (unsigned disk = 0; disk < disks; ++disk) {
        const std::string path = fmt::format("{}/{:c}", options.folder, 'a' + disk);
        if (disk + options.agents < disks) {
            stores.push_back({path + ".img"});
        } else {
            stores.push_back({path + ".store", path + ".sock", path + ".log"});
        }
    }
    return stores;
}

Result<std::string> agent_for(const ShowOptions& options) {
    if (options.agents == 0) return "";
    if (const auto objection = objection_to(options.folder)) {
        return std::unexpected(Error{Code::usage, *objection});
    }
    return find_agent();
}

// The lock files that stand for active disks on this host vanish with the show.
class LockFolder {
  public:
    explicit LockFolder(const std::string& folder) : path_(folder + "/locks") {
        std::error_code ignored;
        fs::create_directory(path_, ignored);
        setenv("DISKPAXOS_LOCKS", path_.c_str(), 1);
    }
    LockFolder(const LockFolder&) = delete;
    LockFolder& operator=(const LockFolder&) = delete;
    ~LockFolder() {
        std::error_code ignored;
        fs::remove_all(path_, ignored);
    }

  private:
    std::string path_;
};

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
    Result<std::string> agent = agent_for(options);
    if (!agent) return std::unexpected(agent.error());
    const Tempo tempo = options.fast ? Tempo::fast() : Tempo::full();
    ShowOutcome outcome;
    outcome.recording = blank(options, tempo.ttl);
    Play play(stores_of(options), options.folder + "/writes.log", tempo.ttl, options.seed);
    std::optional<LockFolder> locks;
    if (options.agents > 0) locks.emplace(options.folder);
    Director director(play, outcome.recording);
    Story story(play, director, outcome.recording, tempo, say, std::move(*agent));
    const Result<void> told = story.tell();
    outcome.signal = Director::signal();
    if (!told && outcome.signal == 0) return std::unexpected(told.error());
    outcome.violations = story.violations();
    return outcome;
}

}  // namespace diskpaxos::demo
