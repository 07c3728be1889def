// Engine: all that belongs to one opened group. It lives on the library's own thread, and nobody
// else ever touches it.
#pragma once

#include <map>
#include <memory>

#include "api/delivery.hpp"
#include "api/home.hpp"
#include "diskpaxos/cell.hpp"
#include "group/directory.hpp"
#include "node/host.hpp"
#include "node/open_group.hpp"

namespace diskpaxos::library {

using api::Then;
using api::Timeout;

class Engine {
  public:
    Engine(node::OpenGroup& group, node::ThisHost host, Delivery& delivery);

    World& world() { return group_.world(); }
    Directory& directory() { return directory_; }
    node::OpenGroup& group() { return group_; }
    const node::ThisHost& host() const { return host_; }
    Delivery& delivery() { return delivery_; }

    Duration span(Timeout timeout) const;  // zero: as the group was opened with
    Instant deadline(Timeout timeout) { return world().clock.now() + span(timeout); }

    // One call, to its end. `then` is called right there.
    template <class T>
    void start(Task<Result<T>> call, Then<T> then) {
        calls_.spawn(finish(std::move(call), std::move(then)));
    }

    // Sessions by number: opened, lost or left, for as long as somebody has a handle.
    std::shared_ptr<Home> home(std::uint64_t number) const;
    std::shared_ptr<Home> add_home(const std::shared_ptr<Board>& board, SessionOwner owner,
                                   std::optional<Duration> ttl);
    void forget_home(std::uint64_t number) { homes_.erase(number); }
    bool has_session() const;

    // Lets every call come to its end, leaves the session, then sets `over`.
    void wind_down(Event& over);
    bool winding_down() const { return winding_down_; }

  private:
    template <class T>
    static Task<void> finish(Task<Result<T>> call, Then<T> then) {
        Result<T> result = co_await call;
        then(std::move(result));
    }
    Task<void> end(Event& over);

    node::OpenGroup& group_;
    node::ThisHost host_;
    Delivery& delivery_;
    Directory directory_;
    std::uint64_t last_home_ = 0;
    std::map<std::uint64_t, std::shared_ptr<Home>> homes_;
    bool winding_down_ = false;
    Scope calls_;  // these two die first: their frames refer to the rest
    Scope ending_;
};

}  // namespace diskpaxos::library
