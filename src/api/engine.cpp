#include "api/engine.hpp"

#include <algorithm>

namespace diskpaxos::library {

Engine::Engine(node::OpenGroup& group, node::ThisHost host, Delivery& delivery)
    : group_(group),
      host_(std::move(host)),
      delivery_(delivery),
      directory_(group.group()),
      calls_(group.world().queue),
      ending_(group.world().queue) {}

Duration Engine::span(Timeout timeout) const {
    if (timeout <= Timeout::zero()) return group_.timeout();
    return std::min<Timeout>(timeout, std::chrono::hours(24));  // first: ns may overflow
}

std::shared_ptr<Home> Engine::home(std::uint64_t number) const {
    const auto found = homes_.find(number);
    return found == homes_.end() ? nullptr : found->second;
}

std::shared_ptr<Home> Engine::add_home(const std::shared_ptr<Board>& board, SessionOwner owner,
                                       std::optional<Duration> ttl) {
    const auto slot = static_cast<std::uint16_t>(group_.group().seat()->slot);
    auto home =
        std::make_shared<Home>(world(), directory_, slot, std::move(owner), ttl, board, delivery_);
    board->number = ++last_home_;
    homes_[last_home_] = home;
    return home;
}

bool Engine::has_session() const {
    return std::ranges::any_of(homes_, [](const auto& entry) { return !entry.second->over(); });
}

void Engine::wind_down(Event& over) {
    if (winding_down_) return;
    winding_down_ = true;
    for (const auto& [number, home] : homes_) home->stop_all();
    ending_.spawn(end(over));
}

// Without leaving, others would wait for the TTL; whether that succeeds makes no difference here.
Task<void> Engine::end(Event& over) {
    co_await calls_.idle().wait();
    const std::map<std::uint64_t, std::shared_ptr<Home>> homes = homes_;
    for (const auto& [number, home] : homes) (void)co_await home->leave(deadline({}));
    over.set();
}

}  // namespace diskpaxos::library
