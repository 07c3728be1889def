#include "diskpaxos/lock.hpp"

#include <fmt/format.h>

#include "api/lock_calls.hpp"
#include "api/strand.hpp"

namespace diskpaxos::api {

using library::Call;
using library::Engine;
using library::Hold;
using Held = std::shared_ptr<Hold>;

namespace {

Call<std::uint64_t> acquiring(Held hold, Mode mode, Timeout patience) {
    return [=](Engine& engine) { return library::acquire(engine, hold, mode, patience); };
}

Call<void> releasing(Held hold, Timeout timeout) {
    return [=](Engine& engine) { return library::release(engine, hold, timeout); };
}

Call<std::uint64_t> converting(Held hold, Mode mode, Timeout timeout) {
    return [=](Engine& engine) { return library::convert(engine, hold, mode, timeout); };
}

Call<void> setting(Held hold, std::string bytes, Timeout timeout) {
    return [=](Engine& engine) { return library::set_value(engine, hold, bytes, timeout); };
}

}  // namespace

Lock::Lock(std::shared_ptr<library::Life> life, Held hold)
    : life_(std::move(life)), hold_(std::move(hold)) {}

Lock::Lock(Lock&&) noexcept = default;

Lock& Lock::operator=(Lock&& other) noexcept {
    if (this == &other) return *this;
    drop();
    hold_ = std::move(other.hold_);
    life_ = std::move(other.life_);
    return *this;
}

Lock::~Lock() {
    drop();
}

// If the group is closed, its locks are not ours any more.
void Lock::drop() noexcept {
    if (hold_ == nullptr) return;
    (void)life_->strand().post([hold = hold_](Engine& engine) { library::drop(engine, *hold); });
    hold_.reset();
}

const std::string& Lock::name() const {
    return hold_->name;
}

Result<std::uint64_t> Lock::acquire(Mode mode, Timeout patience) {
    return life_->strand().ask<std::uint64_t>(acquiring(hold_, mode, patience));
}

Result<void> Lock::release(Timeout timeout) {
    return life_->strand().ask<void>(releasing(hold_, timeout));
}

Result<std::uint64_t> Lock::convert(Mode mode, Timeout timeout) {
    return life_->strand().ask<std::uint64_t>(converting(hold_, mode, timeout));
}

Result<LockValue> Lock::value() const {
    return life_->strand().ask<LockValue>(
        [hold = hold_](Engine& engine) { return library::value(engine, hold); });
}

Result<void> Lock::set_value(std::string bytes, Timeout timeout) {
    return life_->strand().ask<void>(setting(hold_, std::move(bytes), timeout));
}

void Lock::cancel() {
    (void)life_->strand().post([hold = hold_](Engine& engine) { library::cancel(engine, *hold); });
}

bool Lock::held() const {
    return token() != 0 && hold_->board->held();
}

std::uint64_t Lock::token() const {
    return hold_->token;
}

Result<void> Lock::acquire_async(Mode mode, Timeout patience, Then<std::uint64_t> then) {
    return life_->strand().tell<std::uint64_t>(acquiring(hold_, mode, patience), std::move(then));
}

Result<void> Lock::release_async(Then<void> then, Timeout timeout) {
    return life_->strand().tell<void>(releasing(hold_, timeout), std::move(then));
}

Result<void> Lock::convert_async(Mode mode, Then<std::uint64_t> then, Timeout timeout) {
    return life_->strand().tell<std::uint64_t>(converting(hold_, mode, timeout), std::move(then));
}

Result<void> Lock::set_value_async(std::string bytes, Then<void> then, Timeout timeout) {
    return life_->strand().tell<void>(setting(hold_, std::move(bytes), timeout), std::move(then));
}

}  // namespace diskpaxos::api
