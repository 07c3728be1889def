#include "async/scope.hpp"

#include "base/check.hpp"

namespace diskpaxos {

void PromiseBase::finished() noexcept {
    if (parent != nullptr) {
        parent->wake();
    } else if (scope != nullptr) {
        scope->remove(*this);
        self.handle.destroy();
    }
}

void Scope::spawn(Task<void> task) {
    auto handle = std::exchange(task.handle_, {});
    PromiseBase& promise = handle.promise();
    promise.scope = this;
    promise.scope_next = first_;
    if (first_ != nullptr) first_->scope_previous = &promise;
    first_ = &promise;
    idle_.reset();
    promise.self.queue = &queue_;
    promise.self.wake();
}

void Scope::remove(PromiseBase& promise) {
    CHECK(promise.scope == this);
    (promise.scope_previous != nullptr ? promise.scope_previous->scope_next : first_) =
        promise.scope_next;
    if (promise.scope_next != nullptr) promise.scope_next->scope_previous = promise.scope_previous;
    promise.scope = nullptr;
    if (first_ == nullptr) idle_.set();
}

Scope::~Scope() {
    while (first_ != nullptr) {
        PromiseBase& promise = *first_;
        remove(promise);
        promise.self.handle.destroy();
    }
}

}  // namespace diskpaxos
