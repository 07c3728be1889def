#include "unit/testbed/memory_disk.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "disk/step.hpp"

namespace diskpaxos {

MemoryDisk::MemoryDisk(RunQueue& queue, std::string name, std::uint32_t block_size,
                       std::uint64_t blocks)
    : name_(std::move(name)),
      block_size_(block_size),
      content_(block_size * blocks, std::byte{0}),
      scope_(queue) {
    scope_.spawn(serve());
}

MemoryDisk::~MemoryDisk() {
    for (Io* io : requests_) io->finish();
    for (Io* io : held_) io->finish();
    for (Io* io : watches_) io->finish();
}

void MemoryDisk::submit(Io& io) {
    requests_.push_back(&io);
    arrived_.set();
}

Task<void> MemoryDisk::serve() {
    for (;;) {
        while (requests_.empty()) {
            arrived_.reset();
            co_await arrived_.wait();
        }
        Io* io = requests_.front();
        requests_.pop_front();
        if (asked) asked(*io);
        counts.reads += io->kind == Io::Kind::read;
        counts.writes += io->kind == Io::Kind::write;
        counts.visits += io->kind == Io::Kind::visit;
        counts.steps += io->kind == Io::Kind::step;
        if (io->kind == Io::Kind::watch) {
            watches_.push_back(io);
            tell_watchers();
            continue;
        }
        mood == Mood::silent ? held_.push_back(io) : answer(*io);
    }
}

void MemoryDisk::release() {
    mood = Mood::ok;
    while (!held_.empty()) {
        Io* io = held_.front();
        held_.pop_front();
        answer(*io);
    }
}

void MemoryDisk::answer(Io& io) {
    if (io.kind == Io::Kind::step) {
        if (mood != Mood::failing) take_step(io);
    } else if (mood != Mood::failing && io.kind != Io::Kind::read) {
        write(io);
    }
    if (mood != Mood::ok) {
        io.error = EIO;
    } else {
        if (io.kind == Io::Kind::visit && between) std::exchange(between, nullptr)();
        if (io.kind != Io::Kind::write && io.kind != Io::Kind::step) read(io);
    }
    io.finish();
    tell_watchers();
}

void MemoryDisk::take_step(Io& io) {
    CHECK(is_active && well_formed(io.out.bytes(), io.rank));
    std::ranges::copy(at(io.to.first), io.in.bytes().begin());
    const Stepped stepped =
        step(io.in.bytes(), io.out.bytes(), io.rank, at(io.to.first), ceiling);
    io.verdict = stepped.verdict;
    io.limit = stepped.limit;
}

void MemoryDisk::tell_watchers() {
    for (std::size_t i = 0; i < watches_.size();) {
        Io& io = *watches_[i];
        const ByteView block = at(io.from.first);
        const Decoded present = decode_block(block, address_of(block));
        if (present.block.accepted <= io.rank) {
            ++i;
            continue;
        }
        watches_.erase(watches_.begin() + static_cast<std::ptrdiff_t>(i));
        read(io);
        io.finish();
    }
}

void MemoryDisk::write(Io& io) {
    CHECK(io.to.first + io.to.count <= blocks());
    std::ranges::copy(io.out.bytes(), at(io.to.first).begin());
    io.wrote = true;
}

void MemoryDisk::read(Io& io) {
    CHECK(io.from.first + io.from.count <= blocks());
    const auto from = ByteView(content_).subspan(io.from.first * block_size_, io.in.size());
    std::ranges::copy(from, io.in.bytes().begin());
    if (after_read) std::exchange(after_read, nullptr)();
}

}  // namespace diskpaxos
