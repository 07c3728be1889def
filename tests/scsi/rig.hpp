// Rig: the real world for one process: a loop, and LUNs on it.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "async/scope.hpp"
#include "io/backend.hpp"
#include "io/os_random.hpp"
#include "scsi/open.hpp"

namespace diskpaxos::scsi {

class Rig {
  public:
    explicit Rig(io::Backend backend = io::Backend::automatic)
        : loop(std::move(io::make_loop(backend)->loop)),
          world{loop->queue(), *loop, random, trace} {}

    Result<std::unique_ptr<CawDisk>> open(const std::string& url,
                                          Duration time_out = std::chrono::seconds(5)) {
        return run(scsi::open(world, *loop, url, time_out));
    }

    template <class T>
    T run(Task<T> task) {
        std::optional<T> result;
        Scope scope(loop->queue());
        scope.spawn(keep(std::move(task), result));
        loop->run_until(scope.idle());
        return std::move(*result);
    }

    io::OsRandom random;
    NoTrace trace;
    std::unique_ptr<io::Loop> loop;
    World world;

  private:
    template <class T>
    static Task<void> keep(Task<T> task, std::optional<T>& result) {
        T value = co_await task;
        result.emplace(std::move(value));
    }
};

}  // namespace diskpaxos::scsi
