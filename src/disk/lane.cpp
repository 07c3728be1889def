#include "disk/lane.hpp"

#include "base/check.hpp"

namespace diskpaxos {

bool Lane::Turn::await_ready() {
    if (lane.busy_) return false;
    lane.busy_ = true;
    granted = true;
    return true;
}

bool Lane::Turn::await_resume() {
    sleeper = nullptr;
    return granted;
}

Lane::Turn::~Turn() {
    if (lane.waiting_ == this) lane.waiting_ = nullptr;
    if (granted && sleeper != nullptr) lane.leave();  // granted, but died before it could go on
}

void Lane::take_waiting_room(Turn& turn) {
    if (waiting_ != nullptr) waiting_->sleeper->wake();  // superseded: it goes on without its turn
    waiting_ = &turn;
}

void Lane::leave() {
    CHECK(busy_);
    busy_ = false;
    if (waiting_ == nullptr) return;
    busy_ = true;
    waiting_->granted = true;
    waiting_->sleeper->wake();
    waiting_ = nullptr;
}

}  // namespace diskpaxos
