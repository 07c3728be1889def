#include "demo/play.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>
#include <new>

#include "base/check.hpp"

namespace diskpaxos::demo {

Instant now() {
    timespec time{};
    CHECK(clock_gettime(CLOCK_BOOTTIME, &time) == 0);
    return Instant(std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec));
}

Play::Play(std::vector<Store> stores, std::string resource, Duration ttl, std::uint64_t seed)
    : stores_(std::move(stores)), resource_(std::move(resource)), ttl_(ttl), seed_(seed) {
    for (const Store& store : stores_) disks_.push_back(store.name());
    void* memory = mmap(nullptr, sizeof(Directions), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(memory != MAP_FAILED);
    directions_ = new (memory) Directions();
    int ends[2];
    CHECK(pipe2(ends, O_CLOEXEC) == 0);
    read_end_ = ends[0];
    write_end_ = ends[1];
}

Play::~Play() {
    munmap(directions_, sizeof(Directions));
    close(read_end_);
    close(write_end_);
}

void Play::send(const Note& note) const {
    while (write(write_end_, &note, sizeof note) < 0) CHECK(errno == EINTR);
}

std::optional<Note> Play::receive(Duration patience) const {
    pollfd readable{read_end_, POLLIN, 0};
    const auto ms = std::chrono::ceil<std::chrono::milliseconds>(patience).count();
    if (poll(&readable, 1, static_cast<int>(ms)) <= 0) return std::nullopt;  // or a signal came
    Note note;
    const ssize_t length = read(read_end_, &note, sizeof note);
    CHECK(length == static_cast<ssize_t>(sizeof note));
    return note;
}

}  // namespace diskpaxos::demo
