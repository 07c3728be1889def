// Disks that are named by a URL: an agent's store (agent://, agent+unix://), or a SCSI disk that
// offers COMPARE AND WRITE (iscsi://, scsi://). What a name is, is told by nothing else.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "async/scope.hpp"
#include "async/task.hpp"
#include "async/world.hpp"
#include "disk/disk.hpp"
#include "diskpaxos/error.hpp"
#include "io/loop.hpp"

namespace diskpaxos::node {

struct ActiveDisk {
    std::unique_ptr<Disk> disk;
    std::string identity;  // the same for every URL that leads to it
};

inline bool is_url(std::string_view name) { return name.find("://") != std::string_view::npos; }

// `time_out`: of the opening, and of each request from then on: it ends the waiting, no more.
Task<Result<ActiveDisk>> open_active(World& world, io::Loop& loop, std::string url,
                                     Duration time_out);

// Opens those of `names` that are URLs, all at once. What is still on its way when nobody waits for it
// any more lives on in here.
class Opening {
  public:
    static constexpr Duration grace = std::chrono::seconds(1);

    Opening(World& world, io::Loop& loop, std::vector<std::string> names, Duration time_out);

    // By the order of the names; those of paths stay empty. Slowness is not absence; but when more than
    // `enough` have been opened, paths included, the others have a moment's grace and no more.
    Task<std::vector<std::optional<Result<ActiveDisk>>>> run(std::size_t enough);

  private:
    Task<void> open(std::size_t which);

    World& world_;
    io::Loop& loop_;
    std::vector<std::string> names_;
    Duration time_out_;
    std::vector<std::optional<Result<ActiveDisk>>> opened_;
    bool over_ = false;
    Event progress_;
    Scope scope_;
};

}  // namespace diskpaxos::node
