#include "agent/crash_disk.hpp"

#include <algorithm>

#include "disk-agent/yield.hpp"

namespace diskpaxos::agent {

namespace {

constexpr std::size_t sector = 512;

}  // namespace

CrashDisk::CrashDisk(RunQueue& queue, Random& random, Bytes media)
    : random_(random), media_(std::move(media)), scope_(queue) {
    scope_.spawn(serve());
}

CrashDisk::~CrashDisk() {
    for (Io* io : in_flight_) io->finish();
}

void CrashDisk::submit(Io& io) {
    in_flight_.push_back(&io);
    arrived_.set();
}

Task<void> CrashDisk::serve() {
    for (;;) {
        while (in_flight_.empty()) {
            arrived_.reset();
            co_await arrived_.wait();
        }
        const auto drawn =
            in_flight_.begin() + static_cast<std::ptrdiff_t>(random_.below(in_flight_.size()));
        Io& io = **drawn;
        if (io.kind == Io::Kind::read || is_batch(io) || random_.one_in(patience)) {
            in_flight_.erase(drawn);
            answer(io);
        }
        Yield yield;
        co_await yield;
    }
}

void CrashDisk::answer(Io& io) {
    if (io.kind == Io::Kind::write) {
        io.error = error_of(io);
        if (io.error == 0) {
            std::ranges::copy(io.out.bytes(),
                              media_.begin() + static_cast<std::ptrdiff_t>(io.to.first * 4096));
        }
        ++writes_;
    } else {
        const auto from = ByteView(media_).subspan(io.from.first * 4096, io.in.size());
        std::ranges::copy(from, io.in.bytes().begin());
    }
    io.finish();
}

bool CrashDisk::is_batch(const Io& io) {
    constexpr std::uint32_t batch_magic = 0x4a507844;
    return io.kind == Io::Kind::write && load<std::uint32_t>(io.out.bytes(), 0) == batch_magic;
}

int CrashDisk::error_of(const Io& io) const {
    return error != 0 || is_batch(io) ? error : error_beyond_journal;
}

Bytes CrashDisk::cut(Fate fate, Random& random) const {
    Bytes left = media_;
    for (const Io* io : in_flight_) {
        if (io->kind != Io::Kind::write) continue;
        const std::uint64_t whole = fate == Fate::drawn ? random.below(4) : 0;
        for (std::size_t at = 0; at < io->out.size(); at += sector) {
            const bool landed =
                fate == Fate::all ||
                (fate == Fate::drawn && (whole == 0 || (whole > 1 && random.one_in(2))));
            if (!landed) continue;
            const ByteView from = io->out.bytes().subspan(at, sector);
            std::ranges::copy(from,
                              left.begin() + static_cast<std::ptrdiff_t>(io->to.first * 4096 + at));
        }
    }
    return left;
}

}  // namespace diskpaxos::agent
