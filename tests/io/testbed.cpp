#include "testbed.hpp"

#include <stdlib.h>

#include <algorithm>
#include <fstream>

#include "base/check.hpp"

namespace diskpaxos::io {

namespace {

// For carry_until: the part that waits for the disk, kept apart from the part that gives up.
Task<void> carry_and_tell(Disk& disk, IoPtr io, Answer& answer) {
    io = co_await Transfer(disk, std::move(io));
    answer.error = io->error;
    answer.wrote = io->wrote;
    answer.nanoseconds = io->nanoseconds;
    answer.in.assign(io->in.bytes().begin(), io->in.bytes().end());
    answer.came.set();
}

IoPtr filled(Disk& disk, Io::Kind kind, Extent to, Extent from, std::byte fill) {
    IoPtr io = disk.prepare(kind, to, from);
    std::ranges::fill(io->out.bytes(), fill);
    return io;
}

}  // namespace

ScratchDirectory::ScratchDirectory() {
    std::string name = testing::TempDir() + "/diskpaxos-io-XXXXXX";
    CHECK(mkdtemp(name.data()) != nullptr);
    path_ = name;
}

ScratchDirectory::~ScratchDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

std::string ScratchDirectory::file(const std::string& name, std::size_t bytes) {
    const std::string path = path_ / name;
    std::ofstream(path, std::ios::binary) << std::string(bytes, '\0');
    return path;
}

Task<void> carry(Disk& disk, Io::Kind kind, Extent to, Extent from, std::byte fill,
                 Answer& answer) {
    co_await carry_and_tell(disk, filled(disk, kind, to, from, fill), answer);
}

Task<void> carry_until(Loop& loop, Disk& disk, Io::Kind kind, Extent to, Extent from,
                       std::byte fill, Instant deadline, Answer& answer) {
    Answer own;
    Scope straggler(loop.queue());
    straggler.spawn(carry_and_tell(disk, filled(disk, kind, to, from, fill), own));
    answer.waited_in_vain = !co_await own.came.wait_until(loop, deadline);
    answer.error = own.error;
    answer.wrote = own.wrote;
    answer.came.set();
}

Rig::Rig(Backend backend) {
    Result<MadeLoop> made = make_loop(backend);
    CHECK(made.has_value());
    loop = std::move(made->loop);
    scope = std::make_unique<Scope>(loop->queue());
}

Disk& Rig::add(const std::string& path, std::uint32_t block_size) {
    auto disk = OpenDisk::open(path, Access::write);
    CHECK(disk.has_value());
    opened.push_back(std::move(*disk));
    disks.push_back(loop->attach(*opened.back(), block_size));
    return *disks.back();
}

void Rig::read(Disk& disk, Extent from, Answer& answer) {
    start(disk, Io::Kind::read, {}, from, std::byte{0}, answer);
    loop->run_until(answer.came);
}

void Rig::write(Disk& disk, Extent to, std::byte fill, Answer& answer) {
    start(disk, Io::Kind::write, to, {}, fill, answer);
    loop->run_until(answer.came);
}

void Rig::visit(Disk& disk, Extent to, Extent from, std::byte fill, Answer& answer) {
    start(disk, Io::Kind::visit, to, from, fill, answer);
    loop->run_until(answer.came);
}

std::vector<Backend> backends() {
    std::vector<Backend> usable;
    if (make_loop(Backend::uring).has_value()) usable.push_back(Backend::uring);
    usable.push_back(Backend::threads);
    return usable;
}

std::string parameter_name(const testing::TestParamInfo<Backend>& info) {
    return info.param == Backend::uring ? "uring" : "threads";
}

}  // namespace diskpaxos::io
