#include "supervise/post.hpp"

#include <sys/mman.h>
#include <sys/socket.h>

#include <cerrno>
#include <new>

#include "base/check.hpp"

namespace diskpaxos {

SharedDeadline::SharedDeadline() {
    void* memory =
        mmap(nullptr, sizeof(Page), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(memory != MAP_FAILED);
    page_ = new (memory) Page();
    set({Instant::max(), Instant::max()});
    promise(Instant::max());
}

SharedDeadline::~SharedDeadline() {
    munmap(page_, sizeof(Page));
}

// The later one first, and read last: a reader in between sees an old SIGTERM, never an old SIGKILL
// behind a new SIGTERM.
void SharedDeadline::set(Deadline deadline) {
    page_->kill_at.store(deadline.kill_at.time_since_epoch().count());
    page_->terminate_at.store(deadline.terminate_at.time_since_epoch().count());
}

void SharedDeadline::promise(Instant awake_by) {
    page_->awake_by.store(awake_by.time_since_epoch().count());
}

Instant SharedDeadline::promised() const {
    return Instant(Duration(page_->awake_by.load()));
}

Deadline SharedDeadline::get() const {
    const Instant terminate_at(Duration(page_->terminate_at.load()));
    return {terminate_at, Instant(Duration(page_->kill_at.load()))};
}

std::vector<char*> split(std::string& texts) {
    std::vector<char*> parts;
    for (std::size_t at = 0; at < texts.size(); at = texts.find('\0', at) + 1) {
        parts.push_back(texts.data() + at);
    }
    return parts;
}

bool send_all(int stream, const void* data, std::size_t size) {
    const char* at = static_cast<const char*>(data);
    while (size > 0) {
        const ssize_t sent = send(stream, at, size, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) continue;
        if (sent <= 0) return false;
        at += sent;
        size -= static_cast<std::size_t>(sent);
    }
    return true;
}

bool receive_all(int stream, void* data, std::size_t size) {
    char* at = static_cast<char*>(data);
    while (size > 0) {
        const ssize_t received = recv(stream, at, size, MSG_WAITALL);
        if (received < 0 && errno == EINTR) continue;
        if (received <= 0) return false;
        at += received;
        size -= static_cast<std::size_t>(received);
    }
    return true;
}

}  // namespace diskpaxos
