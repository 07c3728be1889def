#include "recorded_disk.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

namespace diskpaxos::exhaustive {

RecordedDisk::RecordedDisk(std::size_t index, const Geometry& geometry, Contents& contents)
    : index_(index),
      geometry_(geometry),
      contents_(contents),
      name_(1, static_cast<char>('A' + index)) {}

void RecordedDisk::submit(Io& io) {
    Request request;
    request.disk = static_cast<std::uint8_t>(index_);
    request.kind = io.kind;
    request.serial = ++submitted_;
    request.phase = *phase_;
    if (io.kind != Io::Kind::read) {
        const Extent row = geometry_.row(0);
        CHECK(io.to.count == 1 && io.to.first >= row.first);
        const auto place = static_cast<Place>(io.to.first - row.first);
        request.content = contents_.intern(io.out.bytes(), address().block(place));
        request.seq = contents_.block(request.content).seq;
    }
    pending_.push_back({&io, request});
}

void RecordedDisk::collect(std::vector<Request>& all) const {
    for (const Pending& pending : pending_) all.push_back(pending.request);
}

Io& RecordedDisk::take(std::uint64_t serial) {
    const auto found =
        std::ranges::find(pending_, serial, [](const Pending& p) { return p.request.serial; });
    CHECK(found != pending_.end());
    Io& io = *found->io;
    pending_.erase(found);
    return io;
}

void RecordedDisk::answer(std::uint64_t serial, const std::array<Content, max_places>& row,
                          StepVerdict verdict) {
    Io& io = take(serial);
    io.verdict = verdict;
    io.wrote = io.kind != Io::Kind::read;
    const std::size_t size = geometry_.block_size;
    for (Place place = 0; place < io.from.count; ++place) {
        contents_.encode(io.in.bytes().subspan(place * size, size), address().block(place),
                         row[place]);
    }
    io.finish();
}

void RecordedDisk::fail(std::uint64_t serial) {
    Io& io = take(serial);
    io.error = EIO;
    io.finish();
}

void RecordedDisk::forget() {
    while (!pending_.empty()) take(pending_.front().request.serial).finish();
    submitted_ = 0;
}

}  // namespace diskpaxos::exhaustive
