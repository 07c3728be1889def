#include "fake_target.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/check.hpp"

namespace diskpaxos::scsi {

namespace {

using namespace std::chrono_literals;

constexpr Duration patience = 20ms;  // of who waits for an answer
constexpr Duration long_after = 60ms;
constexpr Duration on_the_way = 1ms;

Bytes copy_of(ByteView bytes) {
    return Bytes(bytes.begin(), bytes.end());
}

}  // namespace

FakeTarget::FakeTarget(World& world, std::uint32_t block_size, std::uint64_t blocks)
    : world_(world), block_size_(block_size), blocks_(blocks), scope_(world.queue) {
    const Bytes zeroes(block_size);
    for (std::uint64_t block = 0; block < blocks; ++block) put(block, zeroes);
}

void FakeTarget::put(std::uint64_t number, ByteView image) {
    Block& block = blocks_[number];
    block.now = copy_of(image);
    block.durable = block.now;
    block.durable_version = ++block.version;
    block.history.assign(1, block.now);
}

void FakeTarget::cut_power() {
    ++power_cuts_;
    for (Block& block : blocks_) {
        if (block.version == block.durable_version) continue;
        block.now = block.durable;
        block.durable_version = ++block.version;
        block.history.push_back(block.now);
    }
}

Fate FakeTarget::next_fate() {
    if (script.empty()) return fate ? fate() : Fate::prompt;
    const Fate next = script.front();
    script.pop_front();
    return next;
}

void FakeTarget::change(Block& block, ByteView image) {
    block.now = copy_of(image);
    ++block.version;
    block.history.push_back(block.now);
}

FakeTarget::Executed FakeTarget::execute(Request& request) {
    Executed executed{{Outcome::Kind::good}, {}};
    if (request.kind == Kind::compare && before_compare) std::exchange(before_compare, nullptr)();
    const std::uint64_t count = request.data.size() / block_size_;
    for (std::uint64_t i = 0; i < count; ++i) {
        Block& block = blocks_.at(request.first + i);
        const ByteSpan part = ByteSpan(request.data).subspan(i * block_size_, block_size_);
        if (request.kind == Kind::read) {
            std::ranges::copy(block.now, part.begin());
        } else if (request.kind == Kind::compare && compares_at_all &&
                   !std::ranges::equal(request.expected, block.now)) {
            executed.outcome.kind = Outcome::Kind::miscompare;
        } else {
            change(block, part);
        }
        executed.versions.push_back(block.version);
    }
    return executed;
}

// Only now is it promised to be durable; and if something newer is, that is.
void FakeTarget::answered(const Request& request, const Executed& executed) {
    if (request.kind == Kind::read || !executed.outcome.good()) return;
    for (std::uint64_t i = 0; i < executed.versions.size(); ++i) {
        Block& block = blocks_.at(request.first + i);
        if (executed.versions[i] <= block.durable_version) continue;
        block.durable_version = executed.versions[i];
        const ByteView part = ByteView(request.data).subspan(i * block_size_, block_size_);
        block.durable = copy_of(part);
    }
}

Duration FakeTarget::some_time(Duration most) {
    if (!slow) return Duration::zero();
    return Duration(world_.random.below(static_cast<std::uint64_t>(most.count())));
}

Task<void> FakeTarget::execute_late(Request request) {
    const unsigned cuts = power_cuts_;
    co_await world_.clock.sleep(patience + some_time(long_after));
    if (cuts == power_cuts_) execute(request);
}

Task<Outcome> FakeTarget::carry(Request* request, Fate fate_of_it) {
    const unsigned cuts = power_cuts_;
    co_await world_.clock.sleep(some_time(on_the_way));
    const Outcome gone{Outcome::Kind::unknown, ECONNABORTED};
    if (cuts != power_cuts_) co_return gone;
    Executed executed{{Outcome::Kind::unknown, ETIMEDOUT}, {}};
    switch (fate_of_it) {
        case Fate::prompt:
            executed = execute(*request);
            break;
        case Fate::busy:
            executed.outcome = {Outcome::Kind::again, EBUSY};
            break;
        case Fate::refused:
            executed.outcome = {Outcome::Kind::refused, EBADE};
            break;
        case Fate::late:
            scope_.spawn(execute_late(*request));
            break;
        case Fate::lost:
            break;
        case Fate::lost_answer:
            execute(*request);
            break;
        case Fate::twice: {
            const Executed first = execute(*request);
            co_await world_.clock.sleep(some_time(on_the_way));
            if (cuts != power_cuts_) co_return gone;
            executed = execute(*request);
            break;
        }
    }
    const bool silent = executed.outcome.kind == Outcome::Kind::unknown;
    co_await world_.clock.sleep(silent ? patience : some_time(on_the_way));
    // Half of the lost ones are known to be lost at once: the connection broke.
    if (silent && world_.random.one_in(2)) executed.outcome.error = ECONNABORTED;
    if (cuts != power_cuts_) co_return gone;
    answered(*request, executed);
    co_return executed.outcome;
}

FakeLun::FakeLun(FakeTarget& target, std::string name) : target_(target), name_(std::move(name)) {
    facts_.block_size = target.block_size_;
    facts_.blocks = target.blocks_.size();
    facts_.durability = Durability::fua;
}

Task<Outcome> FakeLun::read(std::uint64_t first, ByteSpan into) {
    ++target_.counts.reads;
    FakeTarget::Request request{FakeTarget::Kind::read, first, {}, Bytes(into.size())};
    const Outcome outcome = co_await target_.carry(&request, target_.next_fate());
    if (outcome.good()) std::ranges::copy(request.data, into.begin());
    co_return outcome;
}

Task<Outcome> FakeLun::write(std::uint64_t first, ByteView from) {
    ++target_.counts.writes;
    FakeTarget::Request request{FakeTarget::Kind::write, first, {}, copy_of(from)};
    co_return co_await target_.carry(&request, target_.next_fate());
}

Task<Outcome> FakeLun::compare_and_write(std::uint64_t block, ByteView expected, ByteView next) {
    ++target_.counts.compares;
    Outcome outcome{Outcome::Kind::refused, EOPNOTSUPP};
    if (!target_.knows_compare_and_write) co_return outcome;
    FakeTarget::Request request{FakeTarget::Kind::compare, block, copy_of(expected), copy_of(next)};
    outcome = co_await target_.carry(&request, target_.next_fate());
    co_return outcome;
}

}  // namespace diskpaxos::scsi
