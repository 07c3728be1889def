// The two things that a store does by itself: it commits what has gathered, and it brings home
// what the journal has, so that the journal never fills up.
#include <algorithm>
#include <array>
#include <utility>

#include "disk-agent/journal.hpp"
#include "disk-agent/store.hpp"
#include "disk-agent/yield.hpp"

namespace diskpaxos::agent {

namespace {

// How often: requests that came in one turn of the loop need some hops from the socket to here.
constexpr unsigned most_yields = 16;

constexpr std::size_t home_writers = 4;    // requests in flight of one checkpoint
constexpr std::uint64_t longest_run = 16;  // units per request

}  // namespace

Task<void> Store::commit_all() {
    for (;;) {
        co_await changed_.wait();
        for (unsigned i = 0; i < most_yields && !queue_.empty(); ++i) {
            Yield yield;
            co_await yield;
        }
        changed_.reset();
        if (changes(next_).blocks.empty()) {
            if (closing_) break;
            continue;
        }
        const Lsn lsn = next_++;
        room_.set();
        co_await commit(lsn);
        if (closing_) changed_.set();
    }
    all_committed_.set();
}

// One durable write of one batch. After an error the very same bytes go to the very same place
// again: whichever attempt lands, and whenever, it is the same.
Task<void> Store::commit(Lsn lsn) {
    const Changes& batch = changes(lsn);
    BatchWriter writer(batch_);
    for (std::size_t i = 0; i < batch.blocks.size(); ++i) {
        writer.add(batch.blocks[i], ByteView(batch.images).subspan(i * block_size(), block_size()));
    }
    writer.end(header_.tag, lsn);
    const std::uint64_t units = batch_.size() / unit_size;
    co_await make_space(units);
    const std::uint64_t at = place_for(units);
    const Extent extent{header_.journal().first + at % header_.journal_units, units};
    for (;;) {
        IoPtr io = file_.prepare(Io::Kind::write, extent, {});
        std::ranges::copy(batch_, io->out.bytes().begin());
        io = co_await Transfer(file_, std::move(io));
        if (io->error == 0) break;
        last_failure_ = clock_.now();
        note_failure(io->error);
        co_await clock_.sleep(pause);
    }
    head_ = at + units;
    ++counts_.commits;
    counts_.units += units;
    if (head_ - header_.tail > header_.journal_units / 2) pressed_.set();
    publish(lsn);
    if (failing_ != 0) {
        failing_ = 0;
        audience_.recovered();
    }
}

// Behind the last batch, or at the beginning of the ring if it does not fit there.
std::uint64_t Store::place_for(std::uint64_t units) const {
    const std::uint64_t in_ring = head_ % header_.journal_units;
    const bool fits = in_ring + units <= header_.journal_units;
    return fits ? head_ : head_ + header_.journal_units - in_ring;
}

Task<void> Store::make_space(std::uint64_t units) {
    while (place_for(units) + units > header_.tail + header_.journal_units) {
        freed_.reset();
        pressed_.set();
        if (home_error_ != 0) note_failure(home_error_);
        co_await freed_.wait();
    }
}

Task<void> Store::checkpoint_all() {
    for (;;) {
        co_await pressed_.wait();
        pressed_.reset();
        clean_ = co_await checkpoint();
        freed_.set();
        const bool home = header_.lsn == durable_ + 1;
        if (all_committed_.is_set() && (home || !clean_ || left_in_journal_)) break;
        if (!clean_) co_await all_committed_.wait_until(clock_, clock_.now() + ghost);
        if (!clean_ || all_committed_.is_set()) pressed_.set();
    }
    at_home_.set();
}

// Everything that is durable now goes to its home, and then the tail of the journal moves. What
// becomes durable meanwhile stays in the journal. Only durable images go home, so a block that is
// torn on its way there is healed by replaying the journal.
Task<bool> Store::checkpoint() {
    StoreHeader next = header_;
    next.tail = head_;
    next.lsn = durable_ + 1;
    if (next.lsn == header_.lsn) co_return true;
    ++next.generation;
    std::vector<std::uint64_t> units = std::exchange(dirty_units_, {});
    std::ranges::sort(units);
    for (const std::uint64_t unit : units) dirty_[unit] = false;

    std::size_t begin = 0;
    int error = 0;
    {
        Scope writers(queue_);
        for (std::size_t i = 0; i < home_writers; ++i) {
            writers.spawn(write_home(units, begin, error));
        }
        co_await writers.idle().wait();
    }
    // A write that failed may land late, over a newer image: not before it cannot any more does
    // the journal forget what would heal that. Who is to stop does not wait for it.
    if (error == 0 && last_failure_ != Instant::min()) {
        const Instant landed = last_failure_ + ghost;
        co_await all_committed_.wait_until(clock_, landed);
        left_in_journal_ = clock_.now() < landed;
    }
    if (left_in_journal_) co_return true;
    if (error == 0) error = co_await write_header(next);
    if (home_error_ == 0 && error != 0) audience_.not_home(error);
    home_error_ = error;
    if (error == 0) {
        header_ = next;
        ++counts_.checkpoints;
        co_return true;
    }
    for (const std::uint64_t unit : units) mark_dirty(unit * unit_size / block_size());
    co_return false;
}

Task<void> Store::write_home(std::span<const std::uint64_t> units, std::size_t& next, int& error) {
    while (next < units.size() && error == 0) {
        const std::uint64_t first = units[next];
        std::uint64_t count = 0;
        while (next < units.size() && count < longest_run && units[next] == first + count) {
            ++next;
            ++count;
        }
        IoPtr io = file_.prepare(Io::Kind::write, {header_.home().first + first, count}, {});
        const auto image = ByteView(images_).subspan(first * unit_size, count * unit_size);
        std::ranges::copy(image, io->out.bytes().begin());
        io = co_await Transfer(file_, std::move(io));
        if (io->error == 0) continue;
        error = io->error;
        last_failure_ = clock_.now();
    }
}

// Both copies, one after the other: one of them is always whole.
Task<int> Store::write_header(const StoreHeader& header) {
    const std::array<std::uint64_t, 2> places = {0, header.second_header()};
    for (const std::uint64_t unit : places) {
        IoPtr io = file_.prepare(Io::Kind::write, {unit, 1}, {});
        encode_header(io->out.bytes(), header);
        io = co_await Transfer(file_, std::move(io));
        if (io->error == 0) continue;
        last_failure_ = clock_.now();
        co_return io->error;
    }
    co_return 0;
}

}  // namespace diskpaxos::agent
