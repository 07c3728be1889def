// The C functions of sessions and locks.
#include <cstring>

#include "api/c.hpp"

using namespace diskpaxos;
using c::bytes_of;
using c::timeout;

namespace {

api::SessionOptions session_options(uint32_t ttl_ms, const char* command) {
    api::SessionOptions options;
    options.ttl = std::chrono::milliseconds(ttl_ms);
    if (command != nullptr) options.command = command;
    return options;
}

bool is_mode(int mode) {
    return mode == DISKPAXOS_SHARED || mode == DISKPAXOS_EXCLUSIVE;
}

api::Mode as_mode(int mode) {
    return mode == DISKPAXOS_SHARED ? api::Mode::shared : api::Mode::exclusive;
}

int wrong_mode() {
    return c::usage("the mode is DISKPAXOS_SHARED or DISKPAXOS_EXCLUSIVE");
}

int give(const Result<std::uint64_t>& result, uint64_t* token) {
    if (result && token != nullptr) *token = *result;
    return c::answer(result);
}

}  // namespace

// ---- sessions ----

int diskpaxos_session_open(diskpaxos_group* group, uint32_t ttl_ms, const char* command,
                           int64_t timeout_ms, diskpaxos_session** session) {
    Result<api::Session> opened =
        group->group.open_session(session_options(ttl_ms, command), timeout(timeout_ms));
    if (!opened) return c::fail(opened.error());
    *session = new diskpaxos_session{std::move(*opened)};
    return c::done();
}

int diskpaxos_session_open_async(diskpaxos_group* group, uint32_t ttl_ms, const char* command,
                                 int64_t timeout_ms, diskpaxos_callback callback, void* context) {
    return c::answer(group->group.open_session_async(session_options(ttl_ms, command),
                                                     c::calling_with_session(callback, context),
                                                     timeout(timeout_ms)));
}

int diskpaxos_session_leave(diskpaxos_session* session, int64_t timeout_ms) {
    return c::answer(session->session.leave(timeout(timeout_ms)));
}

int diskpaxos_session_leave_async(diskpaxos_session* session, int64_t timeout_ms,
                                  diskpaxos_callback callback, void* context) {
    return c::answer(
        session->session.leave_async(c::calling(callback, context), timeout(timeout_ms)));
}

void diskpaxos_session_free(diskpaxos_session* session) {
    delete session;
}

int diskpaxos_session_state(const diskpaxos_session* session) {
    switch (session->session.state()) {
        case api::SessionState::sound:
            return DISKPAXOS_SOUND;
        case api::SessionState::danger:
            return DISKPAXOS_DANGER;
        case api::SessionState::lost:
            return DISKPAXOS_SESSION_LOST;
        case api::SessionState::left:
            break;
    }
    return DISKPAXOS_LEFT;
}

int64_t diskpaxos_session_valid_until_ns(const diskpaxos_session* session) {
    return session->session.valid_until_ns();
}

int diskpaxos_session_fd(const diskpaxos_session* session) {
    return session->session.fd();
}

const char* diskpaxos_session_why_lost(const diskpaxos_session* session) {
    return c::keep(session->session.why_lost().sentence);
}

// ---- locks ----

int diskpaxos_lock_new(diskpaxos_session* session, const char* name, diskpaxos_lock** lock) {
    *lock = new diskpaxos_lock{session->session.lock(c::name_of(name))};
    return c::done();
}

void diskpaxos_lock_free(diskpaxos_lock* lock) {
    delete lock;
}

int diskpaxos_lock_acquire(diskpaxos_lock* lock, int mode, int64_t patience_ms, uint64_t* token) {
    if (!is_mode(mode)) return wrong_mode();
    return give(lock->lock.acquire(as_mode(mode), timeout(patience_ms)), token);
}

int diskpaxos_lock_release(diskpaxos_lock* lock, int64_t timeout_ms) {
    return c::answer(lock->lock.release(timeout(timeout_ms)));
}

int diskpaxos_lock_convert(diskpaxos_lock* lock, int mode, int64_t timeout_ms, uint64_t* token) {
    if (!is_mode(mode)) return wrong_mode();
    return give(lock->lock.convert(as_mode(mode), timeout(timeout_ms)), token);
}

int diskpaxos_lock_get_value(diskpaxos_lock* lock, void* bytes, size_t* size, int* doubtful) {
    const Result<api::LockValue> value = lock->lock.value();
    if (!value) return c::fail(value.error());
    if (*size < value->bytes.size()) return c::usage("the buffer is too small for the value");
    std::memcpy(bytes, value->bytes.data(), value->bytes.size());
    *size = value->bytes.size();
    if (doubtful != nullptr) *doubtful = value->doubtful ? 1 : 0;
    return c::done();
}

int diskpaxos_lock_set_value(diskpaxos_lock* lock, const void* bytes, size_t size,
                             int64_t timeout_ms) {
    return c::answer(lock->lock.set_value(bytes_of(bytes, size), timeout(timeout_ms)));
}

int diskpaxos_lock_acquire_async(diskpaxos_lock* lock, int mode, int64_t patience_ms,
                                 diskpaxos_callback callback, void* context) {
    if (!is_mode(mode)) return wrong_mode();
    return c::answer(lock->lock.acquire_async(as_mode(mode), timeout(patience_ms),
                                              c::calling_with_token(callback, context)));
}

int diskpaxos_lock_release_async(diskpaxos_lock* lock, int64_t timeout_ms,
                                 diskpaxos_callback callback, void* context) {
    return c::answer(lock->lock.release_async(c::calling(callback, context), timeout(timeout_ms)));
}

int diskpaxos_lock_convert_async(diskpaxos_lock* lock, int mode, int64_t timeout_ms,
                                 diskpaxos_callback callback, void* context) {
    if (!is_mode(mode)) return wrong_mode();
    return c::answer(lock->lock.convert_async(
        as_mode(mode), c::calling_with_token(callback, context), timeout(timeout_ms)));
}

int diskpaxos_lock_set_value_async(diskpaxos_lock* lock, const void* bytes, size_t size,
                                   int64_t timeout_ms, diskpaxos_callback callback, void* context) {
    return c::answer(lock->lock.set_value_async(
        bytes_of(bytes, size), c::calling(callback, context), timeout(timeout_ms)));
}

void diskpaxos_lock_cancel(diskpaxos_lock* lock) {
    lock->lock.cancel();
}

int diskpaxos_lock_held(const diskpaxos_lock* lock) {
    return lock->lock.held() ? 1 : 0;
}

uint64_t diskpaxos_lock_token(const diskpaxos_lock* lock) {
    return lock->lock.token();
}
