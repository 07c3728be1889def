#include "disk-agent/store.hpp"

#include <algorithm>

#include "base/mutant.hpp"
#include "disk-agent/journal.hpp"

namespace diskpaxos::agent {

namespace {

// Where the newest change of a block is: the parity of its batch and its place in it, plus one.
constexpr std::uint32_t nowhere = 0;
constexpr std::uint32_t place(Lsn lsn, std::size_t index) {
    return static_cast<std::uint32_t>(1 + 2 * index + lsn % 2);
}
constexpr std::size_t parity_of(std::uint32_t place) {
    return (place - 1) % 2;
}
constexpr std::size_t index_of(std::uint32_t place) {
    return (place - 1) / 2;
}

}  // namespace

Store::Store(RunQueue& queue, Clock& clock, Disk& file, Recovered recovered, Audience& audience)
    : queue_(queue),
      clock_(clock),
      file_(file),
      audience_(audience),
      header_(recovered.header),
      images_(std::move(recovered.images)),
      pending_(header_.blocks, nowhere),
      next_image_(header_.block_size),
      next_(recovered.next),
      durable_(recovered.next - 1),
      head_(recovered.head),
      dirty_(header_.home_units(), false),
      scope_(queue) {
    for (const std::uint64_t number : recovered.replayed) mark_dirty(number);
    scope_.spawn(commit_all());
    scope_.spawn(checkpoint_all());
}

Store::~Store() = default;

ByteView Store::blocks(Extent extent) const {
    return ByteView(images_).subspan(extent.first * block_size(), extent.count * block_size());
}

ByteView Store::pending(std::uint64_t number) const {
    const std::uint32_t where = pending_[number];
    if (where == nowhere) return durable_image(number);
    return ByteView(changes_[parity_of(where)].images)
        .subspan(index_of(where) * block_size(), block_size());
}

Lsn Store::stands_since(std::uint64_t number) const {
    const std::uint32_t where = pending_[number];
    if (where == nowhere) return 0;
    return parity_of(where) == next_ % 2 ? next_ : next_ - 1;
}

bool Store::has_room(std::size_t blocks) const {
    return changes_[next_ % 2].blocks.size() + blocks <= header_.most_batch_blocks();
}

Store::Outcome Store::step(std::uint64_t number, ByteView request, Rank rank, ByteSpan before,
                           std::uint64_t ceiling) {
    ++counts_.steps;
    const ByteView present = pending(number);
    std::ranges::copy(present, before.begin());
    const Stepped stepped = diskpaxos::step(present, request, rank, next_image_, ceiling);
    if (stepped.changed) change(number, next_image_);
    if (mutated(Mutant::answer_before_durable)) return {stepped.verdict, durable_, stepped.limit};
    return {stepped.verdict, stands_since(number), stepped.limit};
}

Lsn Store::write(std::uint64_t first, ByteView images) {
    for (std::size_t at = 0; at < images.size(); at += block_size()) {
        change(first + at / block_size(), images.subspan(at, block_size()));
    }
    return next_;
}

// A block that changes again before its batch goes down takes no more room in it.
void Store::change(std::uint64_t number, ByteView image) {
    ++counts_.changes;
    Changes& gathering = changes(next_);
    std::uint32_t& where = pending_[number];
    if (where == nowhere || parity_of(where) != next_ % 2) {
        where = place(next_, gathering.blocks.size());
        gathering.blocks.push_back(number);
        gathering.images.resize(gathering.blocks.size() * block_size());
        CHECK(gathering.blocks.size() <= header_.most_batch_blocks());
    }
    const auto at = static_cast<std::ptrdiff_t>(index_of(where) * block_size());
    std::ranges::copy(image, gathering.images.begin() + at);
    changed_.set();
}

void Store::publish(Lsn lsn) {
    Changes& done = changes(lsn);
    for (std::size_t i = 0; i < done.blocks.size(); ++i) {
        const std::uint64_t number = done.blocks[i];
        const auto from = ByteView(done.images).subspan(i * block_size(), block_size());
        std::ranges::copy(from,
                          images_.begin() + static_cast<std::ptrdiff_t>(number * block_size()));
        if (pending_[number] == place(lsn, i)) pending_[number] = nowhere;
        mark_dirty(number);
    }
    durable_ = lsn;
    audience_.committed(lsn, done.blocks);
    done.blocks.clear();
    done.images.clear();
}

void Store::note_failure(int error) {
    if (failing_ == 0) audience_.failing(error);
    failing_ = error;
    room_.set();  // whoever waits for a fresh batch is not to wait for the disk
}

void Store::mark_dirty(std::uint64_t number) {
    const std::uint64_t unit = number * block_size() / unit_size;
    if (dirty_[unit]) return;
    dirty_[unit] = true;
    dirty_units_.push_back(unit);
}

Task<bool> Store::close() {
    closing_ = true;
    changed_.set();
    co_await all_committed_.wait();
    pressed_.set();
    co_await at_home_.wait();
    co_return clean_;
}

}  // namespace diskpaxos::agent
