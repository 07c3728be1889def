// Fan: one task per disk, all at once. It goes on when all have answered; or, so that one hanging
// disk delays nobody for long, when enough have and the others have had a moment's grace.
#pragma once

#include <functional>

#include "async/scope.hpp"
#include "async/world.hpp"

namespace diskpaxos {

class Fan {
  public:
    static constexpr Duration grace = std::chrono::milliseconds(250);

    explicit Fan(World& world) : world_(world), scope_(world.queue) {}

    void start(Task<void> task) { scope_.spawn(std::move(task)); }
    bool all_done() { return scope_.idle().is_set(); }

    // True when `enough` holds; false when the deadline came first. Tasks that still run go on as
    // long as the fan lives: what they write to must outlive it.
    Task<bool> gather(const std::function<bool()>& enough, Instant deadline,
                      Duration patience = grace);

  private:
    World& world_;
    Scope scope_;
};

}  // namespace diskpaxos
