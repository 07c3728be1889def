#include "scsi/caw_disk.hpp"

#include <algorithm>
#include <cerrno>

#include "base/check.hpp"
#include "base/mutant.hpp"
#include "disk/block.hpp"
#include "disk/step.hpp"

namespace diskpaxos::scsi {

namespace {

using namespace std::chrono_literals;

// Each miss is somebody else's success, so the register moves on; but nobody waits for ever.
constexpr unsigned most_misses = 64;
constexpr unsigned most_failures = 6;
constexpr Duration first_pause = 50us;  // about one command
constexpr unsigned most_doublings = 6;
constexpr Duration failure_pause = 2ms;

constexpr Duration first_poll = 50ms;
constexpr Duration longest_poll = 1s;
constexpr unsigned most_polls = 30;

// The request is answered when its frame dies, at the latest with the disk.
class Answered {
  public:
    explicit Answered(Io& io) : io_(io) {}
    Answered(const Answered&) = delete;
    Answered& operator=(const Answered&) = delete;
    ~Answered() { io_.finish(); }

  private:
    Io& io_;
};

// Whether the register has accepted more than `rank`. What cannot be read is news as well.
bool is_news(ByteView image, Rank rank) {
    const Decoded found = decode_block(image, address_of(image));
    return found.state == BlockState::unknown || found.block.accepted > rank;
}

// What shall lie where `io.in` lies: the same, if the request has nothing to add.
StepVerdict compose(const Io& io, Bytes& next) {
    const Stepped stepped = step(io.in.bytes(), io.out.bytes(), io.rank, next);
    if (!stepped.changed) next.assign(io.in.bytes().begin(), io.in.bytes().end());
    return stepped.verdict;
}

}  // namespace

CawDisk::CawDisk(World& world, std::unique_ptr<Lun> lun, Duration patience)
    : world_(world), lun_(std::move(lun)), patience_(patience), scope_(world.queue) {}

void CawDisk::submit(Io& io) {
    CHECK(io.kind == Io::Kind::read || io.kind == Io::Kind::watch ||
          io.to.first + io.to.count <= blocks());
    scope_.spawn(serve(io));
}

bool CawDisk::Retry::may_follow(const Outcome& outcome) {
    if (world_.clock.now() >= until_) return false;
    if (outcome.kind == Outcome::Kind::miscompare) return ++misses_ <= most_misses;
    misses_ = 0;
    if (outcome.kind == Outcome::Kind::refused) return false;
    return ++failures_ <= most_failures;
}

// After the first miss there is no reason to wait; later, not to meet the same others again.
Duration CawDisk::Retry::pause() {
    const bool missed = misses_ > 0;
    if (misses_ == 1) return Duration::zero();
    const Duration unit = missed ? first_pause : failure_pause;
    const Duration most = unit * (1U << std::min(missed ? misses_ : failures_, most_doublings));
    return Duration(world_.random.below(static_cast<std::uint64_t>(most.count())));
}

Task<void> CawDisk::serve(Io& io) {
    const Answered answered(io);
    const Instant began = world_.clock.now();
    io.error = ECANCELED;  // if the disk dies first
    const int error = co_await perform(io);
    io.error = error;
    io.nanoseconds = static_cast<std::uint64_t>((world_.clock.now() - began).count());
}

Task<int> CawDisk::perform(Io& io) {
    switch (io.kind) {
        case Io::Kind::read:
            return read(io);
        case Io::Kind::write:
            return write(io);
        case Io::Kind::visit:
            return visit(io);
        case Io::Kind::step:
            return step(io);
        case Io::Kind::watch:
            return watch(io);
    }
    UNREACHABLE();
}

Task<int> CawDisk::read(Io& io) {
    Retry retry(world_, patience_);
    for (;;) {
        ++counts_.reads;
        const Outcome outcome = co_await lun_->read(io.from.first, io.in.bytes());
        if (outcome.good()) co_return 0;
        if (!retry.may_follow(outcome)) co_return outcome.error;
        co_await world_.clock.sleep(retry.pause());
    }
}

// A write that may have been executed is not sent again: it would be one more that may come late.
Task<int> CawDisk::write(Io& io) {
    guesses_.forget();
    Retry retry(world_, patience_);
    for (;;) {
        ++counts_.writes;
        const Outcome outcome = co_await lun_->write(io.to.first, io.out.bytes());
        io.wrote = outcome.good();
        if (outcome.good()) co_return 0;
        if (outcome.kind != Outcome::Kind::again || !retry.may_follow(outcome)) {
            co_return outcome.error;
        }
        co_await world_.clock.sleep(retry.pause());
    }
}

Task<int> CawDisk::visit(Io& io) {
    const int error = co_await write(io);
    if (error != 0) co_return error;
    co_return co_await read(io);
}

Task<int> CawDisk::step(Io& io) {
    enum class Image : std::uint8_t { none, guessed, read };
    Image image = guesses_.recall(io.to.first, io.in.bytes()) ? Image::guessed : Image::none;
    Retry retry(world_, patience_);
    Bytes next(block_size());
    bool composed = false;
    for (;;) {
        Outcome outcome{Outcome::Kind::good};
        if (image == Image::none) outcome = co_await look(io);
        if (outcome.good()) {
            if (image == Image::none) image = Image::read;
            if (!composed || !mutated(Mutant::caw_retried_blindly)) io.verdict = compose(io, next);
            composed = true;
            if (io.verdict != StepVerdict::done) {
                if (image == Image::read) co_return 0;
                image = Image::none;  // a guess decides nothing
                continue;
            }
            outcome = co_await compare_and_write(io, next);
            if (outcome.good()) co_return 0;
            image = Image::none;
        }
        if (!retry.may_follow(outcome)) co_return outcome.error != 0 ? outcome.error : EAGAIN;
        co_await world_.clock.sleep(retry.pause());
    }
}

Task<Outcome> CawDisk::look(Io& io) {
    ++counts_.reads;
    const Outcome outcome = co_await lun_->read(io.to.first, io.in.bytes());
    if (outcome.good()) guesses_.saw(io.to.first, io.in.bytes());
    co_return outcome;
}

Task<Outcome> CawDisk::compare_and_write(Io& io, ByteView next) {
    ++counts_.compares;
    const Outcome outcome = co_await lun_->compare_and_write(io.to.first, io.in.bytes(), next);
    io.wrote = outcome.good();
    if (outcome.good()) {
        guesses_.wrote(io.to.first, next);
    } else {
        guesses_.missed(io.to.first);
        if (outcome.kind == Outcome::Kind::miscompare) ++counts_.misses;
    }
    co_return outcome;
}

// By polling: no target calls back when a block changes.
Task<int> CawDisk::watch(Io& io) {
    Duration pause = first_poll;
    for (unsigned polls = 1;; ++polls) {
        const int error = co_await read(io);
        if (error != 0) co_return error;
        if (polls == most_polls || is_news(io.in.bytes(), io.rank)) co_return 0;
        co_await world_.clock.sleep(pause);
        pause = std::min(2 * pause, longest_poll);
    }
}

}  // namespace diskpaxos::scsi
