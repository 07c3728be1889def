#include "disk-agent/session.hpp"

#include <fmt/format.h>

#include "disk-agent/server.hpp"
#include "disk-agent/yield.hpp"
#include "net/printable.hpp"

namespace diskpaxos::agent {

namespace {

constexpr std::size_t read_size = 16 * 1024;
constexpr std::size_t much_unsent = 128 * 1024;  // more, and requests wait for the client to read
constexpr unsigned most_in_a_row = 64;           // requests; then others have their turn
constexpr Duration goodbye = std::chrono::seconds(1);
constexpr std::size_t little = 4096;  // bytes that may be read without waiting for a piece

bool is_list(const wire::Frame& frame) {
    return frame.type == wire::Type::list && frame.status == wire::Status::ok;
}

}  // namespace

Session::Session(Server& server, net::Stream& stream, Places::Guest& guest, Client client)
    : server_(server),
      stream_(stream),
      guest_(guest),
      client_(std::move(client)),
      rights_(server.rights_of(client_.name)),
      reader_(wire::largest_hello) {
    server_.enter(*this);
}

Session::~Session() {
    if (served_ != nullptr) served_->forget(*this, watched_);
    server_.leave(*this);
}

std::string Session::who() const {
    return fmt::format("client {} at {}", net::printable(client_.name), client_.address);
}

void Session::complain(Topic topic, std::string_view what) const {
    server_.log().complain(topic, fmt::format("{} {}", who(), what));
}

void Session::use_rights(const Rights& rights) {
    if (rights == rights_) return;
    rights_ = rights;
    if (served_ == nullptr) return;
    if (!rights_.may_use(served_->name())) {
        complain(Topic::refusals, fmt::format("may not use store {} any more", served_->name()));
        stream_.cut();
    } else if ((features_ & wire::feature_rights) != 0) {
        put_rights(wire::unasked);
        flush();
    }
}

void Session::withdraw() {
    complain(Topic::refusals, "has a key or certificate that counts no more; it was cut off");
    stream_.cut();
}

Task<void> Session::run() {
    const Instant deadline = server_.now() + server_.limits().hello;
    while (served_ == nullptr) {
        const auto frame = reader_.next();
        if (!frame) {
            complain(Topic::strangers, fmt::format("sent {}", describe(frame.error())));
            co_return;
        }
        if (*frame) {
            const bool welcome = greet(**frame);
            flush();
            if (welcome) continue;
            co_await stream_.close(server_.now() + goodbye);
            co_return;
        }
        if (!co_await more(deadline)) co_return;
    }
    server_.log().detail(fmt::format("{} uses store {}", who(), served_->name()));
    co_await serve();
    server_.log().detail(fmt::format("{} has gone", who()));
}

// Reads what there is. False: the connection is over.
Task<bool> Session::more(Instant deadline) {
    const ByteSpan room = reader_.room(read_size);
    const auto got = co_await stream_.read_some(room, deadline);
    if (server_.stopping()) co_await server_.stopped().wait();
    if (got && *got > 0) {
        reader_.filled(*got);
        co_return true;
    }
    finished_ = got.has_value();
    if (!got) {
        server_.log().detail(fmt::format("{}: {}", who(), got.error().sentence));
    }
    co_return false;
}

bool Session::greet(const wire::Frame& frame) {
    const auto hello = wire::get_hello(frame.body);
    if (frame.type != wire::Type::hello || frame.status != wire::Status::ok || !hello) {
        return malformed(frame, hello ? wire::Flaw::no_sense : hello.error());
    }
    if (hello->lowest > wire::version || hello->highest < wire::version) {
        complain(Topic::strangers, "speaks other versions of the protocol");
        answer(frame, wire::Status::version);
        return false;
    }
    ServedStore* store = server_.find(hello->store);
    const std::string name = store != nullptr ? store->name() : std::string(hello->store);
    if (!rights_.may_use(name)) {
        complain(Topic::refusals,
                 fmt::format("may not use store {}", net::printable(hello->store)));
        answer(frame, wire::Status::forbidden);
        return false;
    }
    if (store == nullptr) {
        complain(Topic::strangers,
                 fmt::format("asks for store {}, which is not here", net::printable(hello->store)));
        answer(frame, wire::Status::unknown_store);
        return false;
    }
    served_ = store;
    features_ = hello->features & wire::known_features;
    server_.places().greeted(guest_);
    const StoreHeader& header = store->store().header();
    request_.resize(header.block_size);
    before_.resize(header.block_size);
    const Limits& limits = server_.limits();
    reader_.agree_on(limits.largest_body);
    wire::put_welcome(out_, frame.id,
                      {.block_size = header.block_size,
                       .blocks = header.blocks,
                       .features = features_,
                       .largest_body = limits.largest_body,
                       .requests = limits.requests,
                       .watches = limits.watches,
                       .idle_ms = static_cast<std::uint32_t>(limits.idle / Duration(1'000'000)),
                       .store = header.uuid,
                       .instance = server_.instance(),
                       .time_ms = server_.time_of_day_ms()});
    return true;
}

Task<void> Session::serve() {
    unsigned in_a_row = 0;
    for (;;) {
        const auto frame = reader_.next();
        if (!frame) {
            complain(Topic::clients, fmt::format("sent {}", describe(frame.error())));
            co_return;
        }
        if (!*frame) {
            flush();
            if (co_await more(server_.now() + server_.limits().idle)) continue;
            if (finished_) co_await pay_debts();
            co_return;
        }
        if (out_.size() + stream_.unsent() > much_unsent && !co_await wait_for_room()) co_return;
        Store& store = served_->store();
        const std::size_t blocks = blocks_changed_by(**frame);
        while (!store.has_room(blocks) && !store.failing()) co_await store.next_batch().wait();
        if (looks_at_many(**frame)) {
            Looks::Wish wish(server_.looks(), client_.name);
            co_await wish.granted().wait();
        }
        bool goes_on = false;
        if (is_list(**frame)) goes_on = co_await list(**frame);
        else goes_on = handle(**frame);
        if (!goes_on) break;
        if (++in_a_row % most_in_a_row != 0) continue;
        NextTurn turn(server_.clock());
        co_await turn;
    }
    flush();
    co_await stream_.close(server_.now() + goodbye);
}

// The other end asks for nothing more, but may wait for what it has asked for.
Task<void> Session::pay_debts() {
    const Instant deadline = server_.now() + server_.limits().hello;
    for (bool in_time = true; in_time && due_[0] + due_[1] > 0;) {
        settled_.reset();
        in_time = co_await settled_.wait_until(server_.clock(), deadline);
    }
    flush();
    co_await stream_.close(server_.now() + goodbye);
}

// A client that asks for more than it reads waits, and in the end is dropped.
Task<bool> Session::wait_for_room() {
    flush();
    const auto room = co_await stream_.flush(server_.now() + server_.limits().hello);
    if (!room) complain(Topic::clients, "does not read its answers");
    co_return room.has_value();
}

// How much room it needs in the batch that gathers; nothing, if it is to be refused anyway.
std::size_t Session::blocks_changed_by(const wire::Frame& frame) const {
    if (frame.type == wire::Type::step) return 1;
    if (frame.type != wire::Type::write) return 0;
    const Store& store = served_->store();
    const std::size_t blocks = frame.body.size() / store.block_size();
    return blocks <= store.most_at_once() ? blocks : 0;
}

bool Session::looks_at_many(const wire::Frame& frame) const {
    if (frame.type != wire::Type::read) return false;
    const auto extent = wire::get_read(frame.body);
    return extent && extent->count > little / served_->store().block_size();
}

bool Session::handle(const wire::Frame& frame) {
    if (frame.status != wire::Status::ok) return malformed(frame, wire::Flaw::no_sense);
    switch (frame.type) {
        case wire::Type::hello:
            return malformed(frame, wire::Flaw::no_sense);
        case wire::Type::read:
            return read(frame);
        case wire::Type::write:
            return write(frame);
        case wire::Type::step:
            return step(frame);
        case wire::Type::watch:
            return watch(frame);
        case wire::Type::list:
            break;  // serve() has it: it takes some turns
        case wire::Type::rights:
            return rights(frame);
        case wire::Type::ping: {
            const auto nothing = wire::get_nothing(frame.body);
            if (!nothing) return malformed(frame, nothing.error());
            return answer(frame, wire::Status::ok);
        }
    }
    UNREACHABLE();
}

bool Session::answer(const wire::Frame& frame, wire::Status status) {
    wire::put_status(out_, frame.type, status, frame.id);
    return true;
}

bool Session::malformed(const wire::Frame& frame, wire::Flaw flaw) {
    complain(served_ == nullptr ? Topic::strangers : Topic::clients,
             fmt::format("sent {} in a {}", describe(flaw), describe(frame.type)));
    answer(frame, wire::Status::malformed);
    return false;
}

bool Session::forbid(const wire::Frame& frame, std::uint64_t number) {
    const Subject subject = subject_of(served_->store().block(number));
    const std::string name =
        subject.name.empty() ? "" : fmt::format(" (\"{}\")", net::printable(subject.name));
    server_.log().complain(Topic::refusals,
                           fmt::format("permission: {} may not {} block {}{} of store {}", who(),
                                       describe(frame.type), number, name, served_->name()));
    // "Forbidden" says that the register belongs to somebody else. Of an unsound one nobody can say that:
    // its name may be the client's own, and must not be taken for one that is to be found elsewhere.
    const bool unsound = subject.kind == Subject::Kind::unsound && frame.type != wire::Type::write;
    return answer(frame, unsound ? wire::Status::failed : wire::Status::forbidden);
}

Bytes& Session::answers_after(Lsn until) {
    if (until <= served_->store().durable()) return out_;
    if (due_[until % 2]++ == 0) served_->await(until, *this);
    return held_[until % 2];
}

void Session::flush() {
    if (out_.empty()) return;
    stream_.put(out_);
    out_.clear();
    if (stream_.unsent() <= server_.limits().most_unsent) return;
    complain(Topic::clients, "does not read its answers");
    stream_.cut();
}

void Session::settled(Lsn lsn) {
    Bytes& held = held_[lsn % 2];
    out_.insert(out_.end(), held.begin(), held.end());
    held.clear();
    due_[lsn % 2] = 0;
    flush();
    settled_.set();
}

// Every answer that waits becomes another one: what was asked may have happened, or may still.
void Session::failed() {
    for (Bytes& held : held_) {
        for (ByteView rest = held; !rest.empty();) {
            const auto frame = wire::decode_frame(rest, server_.limits().largest_body);
            CHECK(frame && *frame);
            wire::put_status(out_, (*frame)->type, wire::Status::failed, (*frame)->id);
            rest = rest.subspan((*frame)->size());
        }
        held.clear();
    }
    due_ = {};
    flush();
    settled_.set();
}

}  // namespace diskpaxos::agent
