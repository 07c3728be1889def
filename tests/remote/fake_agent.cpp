#include "fake_agent.hpp"

#include <algorithm>
#include <utility>

#include "base/check.hpp"
#include "io/backend.hpp"
#include "wire/trim.hpp"

namespace diskpaxos::remote {

namespace {

constexpr std::uint64_t blocks = 1024;

std::unique_ptr<io::Loop> loop_of(io::Backend backend) {
    auto made = io::make_loop(backend);
    CHECK(made.has_value());
    return std::move(made->loop);
}

BlockAddress address_at(std::uint64_t block) {
    return {.kind = BlockKind::cell, .cell = static_cast<std::uint32_t>(block)};
}

Task<void> note_time(Rig& rig, Duration duration, Event& over) {
    co_await rig.loop->sleep(duration);
    over.set();
}

Task<void> carry(Rig& rig, Disk& disk, IoPtr io, Outcome& outcome) {
    const Instant start = rig.loop->now();
    io = co_await Transfer(disk, std::move(io));
    outcome.took = rig.loop->now() - start;
    outcome.error = io->error;
    outcome.wrote = io->wrote;
    outcome.verdict = io->verdict;
    outcome.in.assign(io->in.bytes().begin(), io->in.bytes().end());
    outcome.came.set();
}

Task<void> open_disk(Rig& rig, std::string url, Duration time_out, Opened& opened) {
    opened.disk = co_await AgentDisk::open(rig.world, *rig.loop, url, time_out);
    opened.done.set();
}

}  // namespace

Rig::Rig(io::Backend backend)
    : loop(loop_of(backend)), world{loop->queue(), *loop, random, trace}, scope(loop->queue()) {}

void Rig::pass(Duration duration) {
    Event over;
    scope.spawn(note_time(*this, duration, over));
    loop->run_until(over);
}

FakeAgent::FakeAgent(Rig& r, const std::string& address) : rig(r), memory(blocks * 512) {
    welcome.block_size = 512;
    welcome.blocks = blocks;
    welcome.largest_body = 8 + 16 * 512;
    welcome.requests = 8;
    welcome.watches = 4;
    welcome.idle_ms = 60'000;
    for (std::uint64_t block = 0; block < blocks; ++block) {
        encode_initial(this->block(block), address_at(block));
    }
    endpoint_ = net::resolve(*net::parse_address(address, 0))->front();
    start();
    endpoint_ = listener_->endpoint();
}

std::string FakeAgent::url(const std::string& store) const {
    const std::string where = net::describe(endpoint_);
    return where.starts_with('/') ? "agent+unix://" + where : "agent://" + where + "/" + store;
}

void FakeAgent::hang_up() {
    serving_.reset();
    stream.reset();
}

void FakeAgent::stop() {
    listening_.reset();
    listener_.reset();
    hang_up();
}

void FakeAgent::start() {
    auto opened = net::Listener::open(*rig.loop, endpoint_);
    CHECK(opened.has_value());
    listener_ = std::move(*opened);
    listening_ = std::make_unique<Scope>(rig.loop->queue());
    listening_->spawn(listen());
}

Task<void> FakeAgent::listen() {
    for (;;) {
        std::unique_ptr<net::Stream> accepted = co_await listener_->accept();
        hang_up();
        ++connections;
        stream = std::move(accepted);
        serving_ = std::make_unique<Scope>(rig.loop->queue());
        serving_->spawn(serve());
    }
}

Task<void> FakeAgent::serve() {
    wire::FrameReader reader(welcome.largest_body);
    for (;;) {
        const auto frame = reader.next();
        CHECK(frame.has_value());
        if (*frame) {
            take(**frame);
            continue;
        }
        const auto count = co_await stream->read_some(reader.room(4096));
        if (!count || *count == 0) break;
        reader.filled(*count);
    }
}

void FakeAgent::take(const wire::Frame& frame) {
    Bytes out;
    if (frame.type == wire::Type::hello) {
        greeted = wire::get_hello(frame.body)->store;
        features = wire::get_hello(frame.body)->features;
        hello == wire::Status::ok ? wire::put_welcome(out, frame.id, welcome)
                                  : wire::put_status(out, wire::Type::hello, hello, frame.id);
        return send(out);
    }
    if (frame.type == wire::Type::rights) {
        wire::ListWriter list(out, frame.id, wire::Type::rights);
        for (const auto& [what, prefix] : rights) list.add(what, prefix);
        list.end(0);
        return send(out);
    }
    asked.push_back({frame.type, frame.id, Bytes(frame.body.begin(), frame.body.end())});
    if (frame.type == wire::Type::ping) {
        if (answer_pings) answer(Asked(asked.back()), wire::Status::ok);
        return;
    }
    react(Asked(asked.back()));
}

void FakeAgent::answer(const Asked& one, wire::Status status) {
    Bytes out;
    wire::put_status(out, one.type, status, one.id);
    send(out);
}

void FakeAgent::answer(const Asked& one) {
    Bytes out;
    if (one.type == wire::Type::read) {
        const Extent from = *wire::get_read(one.body);
        wire::put_blocks(out, one.id, ByteView(memory).subspan(from.first * 512, from.count * 512));
    } else if (one.type == wire::Type::write) {
        const wire::Write write = *wire::get_write(one.body, 512);
        std::ranges::copy(write.blocks, ByteSpan(memory).subspan(write.first * 512).begin());
        wire::put_status(out, one.type, wire::Status::ok, one.id);
    } else if (one.type == wire::Type::step) {
        const wire::StepAsked asked_for = *wire::get_step(one.body, 512);
        Bytes request(512);
        CHECK(wire::untrim(asked_for.request, request));
        const Bytes before(block(asked_for.block).begin(), block(asked_for.block).end());
        Bytes next(512);
        const Stepped stepped = step(before, request, asked_for.rank, next);
        if (stepped.changed) std::ranges::copy(next, block(asked_for.block).begin());
        constexpr wire::Status statuses[] = {wire::Status::ok, wire::Status::refused,
                                             wire::Status::conflict, wire::Status::damaged};
        wire::put_block(out, one.type, statuses[static_cast<std::size_t>(stepped.verdict)], one.id,
                        before);
    } else {
        const wire::WatchAsked watch = *wire::get_watch(one.body);
        wire::put_block(out, one.type, wire::Status::ok, one.id, block(watch.block));
    }
    send(out);
}

unsigned FakeAgent::count(wire::Type type) const {
    return static_cast<unsigned>(std::ranges::count(asked, type, &Asked::type));
}

void open(Rig& rig, const std::string& url, Duration time_out, Opened& opened) {
    rig.scope.spawn(open_disk(rig, url, time_out, opened));
    rig.loop->run_until(opened.done);
}

std::unique_ptr<AgentDisk> must_open(Rig& rig, const std::string& url, Duration time_out) {
    Opened opened;
    open(rig, url, time_out, opened);
    EXPECT_TRUE(opened.disk.has_value()) << opened.disk.error().sentence;
    return std::move(*opened.disk);
}

Rank rank_of(std::uint64_t round) {
    return {round, Proposer::of(0, 77)};
}

Bytes promise(std::uint64_t block, Rank rank) {
    Bytes bytes(512);
    Block content;
    content.incarnation = rank.proposer;
    content.seq = rank.round;
    content.promised = rank;
    encode_block(bytes, address_at(block), content);
    return bytes;
}

void start(Rig& rig, Disk& disk, IoPtr io, Outcome& outcome) {
    rig.scope.spawn(carry(rig, disk, std::move(io), outcome));
}

void start_step(Rig& rig, Disk& disk, std::uint64_t block, Rank rank, Outcome& outcome) {
    IoPtr io = disk.prepare(Io::Kind::step, {block, 1}, {block, 1});
    std::ranges::copy(promise(block, rank), io->out.bytes().begin());
    io->rank = rank;
    rig.scope.spawn(carry(rig, disk, std::move(io), outcome));
}

void start_watch(Rig& rig, Disk& disk, std::uint64_t block, Rank rank, Outcome& outcome) {
    IoPtr io = disk.prepare(Io::Kind::watch, {}, {block, 1});
    io->rank = rank;
    rig.scope.spawn(carry(rig, disk, std::move(io), outcome));
}

void start_read(Rig& rig, Disk& disk, Extent from, Outcome& outcome) {
    rig.scope.spawn(carry(rig, disk, disk.prepare(Io::Kind::read, {}, from), outcome));
}

void start_write(Rig& rig, Disk& disk, Extent to, std::byte fill, Outcome& outcome) {
    IoPtr io = disk.prepare(Io::Kind::write, to, {});
    std::ranges::fill(io->out.bytes(), fill);
    rig.scope.spawn(carry(rig, disk, std::move(io), outcome));
}

}  // namespace diskpaxos::remote
