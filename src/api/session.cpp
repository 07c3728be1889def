#include "diskpaxos/session.hpp"

#include "api/strand.hpp"

namespace diskpaxos::api {

using library::Call;
using library::Engine;

namespace {

Task<Result<void>> leave_home(Engine& engine, std::uint64_t number, Timeout timeout) {
    const std::shared_ptr<library::Home> home = engine.home(number);
    if (home == nullptr) co_return Result<void>();
    Result<void> left = co_await home->leave(engine.deadline(timeout));
    co_return left;
}

Call<void> leaving(std::uint64_t number, Timeout timeout) {
    return [=](Engine& engine) { return leave_home(engine, number, timeout); };
}

}  // namespace

Result<void> Session::leave(Timeout timeout) {
    return life_->strand().ask<void>(leaving(life_->board()->number, timeout));
}

Result<void> Session::leave_async(Then<void> then, Timeout timeout) {
    return life_->strand().tell<void>(leaving(life_->board()->number, timeout), std::move(then));
}

Lock Session::lock(std::string name) {
    auto hold = std::make_shared<library::Hold>();
    hold->name = std::move(name);
    hold->board = life_->board();
    return Lock(life_, std::move(hold));
}

SessionState Session::state() const {
    return life_->board()->state();
}

std::int64_t Session::valid_until_ns() const {
    return life_->board()->valid_until_ns;
}

int Session::fd() const {
    return life_->board()->fd.number();
}

Error Session::why_lost() const {
    return life_->board()->why_lost();
}

}  // namespace diskpaxos::api
