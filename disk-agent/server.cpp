#include "disk-agent/server.hpp"

#include <fmt/format.h>
#include <linux/magic.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <ctime>

#include "disk-agent/yield.hpp"
#include "net/printable.hpp"

namespace diskpaxos::agent {

namespace {

// The lock of an agent that was killed is held until its last write has landed.
constexpr Duration lock_patience = std::chrono::seconds(3);
constexpr Duration lock_pause = std::chrono::milliseconds(20);
constexpr Duration goodbye = std::chrono::seconds(1);
constexpr unsigned most_in_a_row = 8;  // connections that are taken
constexpr Duration look_again = std::chrono::milliseconds(5);

// Names that we give ourselves; no key and no certificate may be for one (net::is_reserved).
constexpr std::string_view loopback = "loopback";
constexpr std::string_view user = "uid:";

bool in_memory(const io::OpenDisk& file) {
    struct statfs facts{};
    if (file.facts().block_device || fstatfs(file.descriptor()->number(), &facts) != 0)
        return false;
    return facts.f_type == TMPFS_MAGIC || facts.f_type == RAMFS_MAGIC;
}

std::string origin_of(const net::Stream& stream, bool local) {
    if (!local) return stream.peer_network();
    const auto uid = stream.peer_uid();
    return uid ? fmt::format("{}{}", user, *uid) : "nobody";
}

}  // namespace

struct Visitor final : Places::Guest {
    Visitor(Places& all, std::unique_ptr<net::Stream> connection, bool is_local)
        : Guest(origin_of(*connection, is_local), is_local),
          places(all),
          stream(std::move(connection)),
          local(is_local) {}
    Visitor(const Visitor&) = delete;
    Visitor& operator=(const Visitor&) = delete;
    ~Visitor() override { places.leave(*this); }

    Places& places;
    std::unique_ptr<net::Stream> stream;
    bool local;
};

Server::Server(io::Loop& loop, Log& log, std::uint64_t instance)
    : loop_(loop),
      log_(log),
      instance_(instance),
      places_(Places::Limits::of(usual_connections)),
      looks_(loop.queue(), loop),
      scope_(loop.queue()) {
    listening_.emplace(loop.queue());
    scope_.spawn(tell_left_out());
}

Server::~Server() = default;

std::uint64_t Server::time_of_day_ms() {
    timespec now{};
    clock_gettime(CLOCK_REALTIME, &now);
    if (now.tv_sec < 0) return 0;  // before 1970
    return static_cast<std::uint64_t>(now.tv_sec) * 1000 + static_cast<std::uint64_t>(now.tv_nsec) / 1'000'000;
}

Task<bool> Server::lock(io::OpenDisk& file) {
    const Instant deadline = loop_.now() + lock_patience;
    while (file.lock_slot(store_lock) == io::LockAnswer::busy) {
        if (loop_.now() >= deadline) co_return false;
        co_await loop_.sleep(lock_pause);
    }
    co_return true;
}

Task<Result<void>> Server::add_store(std::string name, std::string path) {
    auto file = io::OpenDisk::open(path, io::Access::write, 2 * unit_size);
    if (!file) co_return std::unexpected(file.error());
    if (!co_await lock(**file)) {
        co_return std::unexpected(
            Error{Code::in_use, fmt::format("{}: another agent serves this store", path)});
    }
    std::unique_ptr<Disk> disk = loop_.attach(**file, unit_size);
    Result<Recovered> recovered = co_await recover(*disk);
    if (!recovered) co_return std::unexpected(recovered.error());
    log_.note(fmt::format(
        "store {}: {}, {} blocks of {} bytes; {} batches replayed{}{}", name, path,
        recovered->header.blocks, recovered->header.block_size, recovered->batches,
        recovered->headers_differ ? "; one copy of its header was lost" : "",
        in_memory(**file) ? "; on a file system in memory: gone when this host is" : ""));
    stores_.push_back(std::make_unique<ServedStore>(loop_.queue(), loop_, std::move(name),
                                                    std::move(disk), std::move(*recovered), log_));
    co_return Result<void>{};
}

ServedStore* Server::find(std::string_view name) const {
    if (name.empty()) return stores_.size() == 1 ? stores_.front().get() : nullptr;
    const auto store = std::ranges::find(stores_, name, [](const auto& s) { return s->name(); });
    return store == stores_.end() ? nullptr : store->get();
}

Rights Server::rights_of(const std::string& client) const {
    if (rules_) {
        const Rights* rights = rules_->of(client);
        return rights != nullptr ? *rights : Rights{};
    }
    if (!client.starts_with(user)) return every_right();
    const bool trusted = client == fmt::format("{}{}", user, geteuid()) || client == "uid:0";
    return trusted ? every_right() : Rights{};
}

void Server::use_rules(std::optional<AccessRules> rules) {
    rules_ = std::move(rules);
    for (Session* session : sessions_) session->use_rights(rights_of(session->client().name));
}

void Server::use_tls(std::shared_ptr<const net::Tls> tls) {
    tls_ = std::move(tls);
    for (Session* session : sessions_) {
        const net::TlsSession* shown = session->tls();
        if (shown != nullptr && (!tls_ || !tls_->still_lets_in(*shown))) session->withdraw();
    }
}

void Server::enter(Session& session) {
    sessions_.insert(&session);
    ++by_client_[session.client().name];
}

void Server::leave(Session& session) {
    sessions_.erase(&session);
    const auto count = by_client_.find(session.client().name);
    if (--count->second == 0) by_client_.erase(count);
}

Result<net::Endpoint> Server::listen(const net::Endpoint& endpoint) {
    auto listener = net::Listener::open(loop_, endpoint);
    if (!listener) return std::unexpected(listener.error());
    const bool local = endpoint.get()->sa_family == AF_UNIX;
    (*listener)->out_of_descriptors = [this](int error) { note_no_descriptors(error); };
    listeners_.push_back(std::move(*listener));
    listening_->spawn(accept_all(*listeners_.back(), local));
    return listeners_.back()->endpoint();
}

void Server::note_no_descriptors(int error) {
    log_.complain(Topic::limits,
                  fmt::format("no connection can be taken: {}; see \"ulimit -n\", or LimitNOFILE= "
                              "of the unit",
                              std::strerror(error)),
                  Level::error);
    if (Places::Guest* stranger = places_.push_out()) {
        static_cast<Visitor*>(stranger)->stream->cut();
    }
}

Task<void> Server::tell_left_out() {
    for (;;) {
        co_await log_.left_out().wait();
        co_await loop_.sleep(Log::tell);
        log_.tell_left_out();
    }
}

Task<void> Server::accept_all(net::Listener& listener, bool local) {
    for (unsigned came = 1;; ++came) {
        if (came % most_in_a_row ==
            0) {  // those who are in, and those who must go, have their turn
            NextTurn turn(loop_);
            co_await turn;
        }
        std::unique_ptr<net::Stream> stream = co_await listener.accept();
        auto visitor = std::make_unique<Visitor>(places_, std::move(stream), local);
        if (make_place(*visitor)) scope_.spawn(attend(std::move(visitor)));
    }
}

bool Server::make_place(Visitor& visitor) {
    const Places::Decision decision = places_.enter(visitor);
    if (decision.leaves != nullptr) {
        static_cast<Visitor*>(decision.leaves)->stream->cut();
        log_.complain(
            Topic::limits,
            fmt::format("limit: too many connections say nothing; the oldest of them, from "
                        "{}, was ended for a new one",
                        decision.leaves->origin()));
    }
    if (decision.answer == Places::Answer::welcome) return true;
    if (decision.answer == Places::Answer::origin_full) {
        log_.complain(Topic::limits,
                      fmt::format("limit: {} has {} connections; one more was refused",
                                  visitor.origin(), places_.limits().of_origin));
    } else {
        log_.complain(Topic::limits,
                      fmt::format("limit: {} connections are open; one more from {} was refused",
                                  places_.taken(), visitor.origin()));
    }
    return false;
}

Task<void> Server::attend(std::unique_ptr<Visitor> visitor) {
    net::Stream& stream = *visitor->stream;
    Client client;
    if (!co_await introduce(*visitor, client)) co_return;
    const auto count = by_client_.find(client.name);
    if (count != by_client_.end() && count->second >= places_.limits().of_client) {
        log_.complain(Topic::limits,
                      fmt::format("limit: client {} has {} connections; one more was refused",
                                  net::printable(client.name), count->second));
        co_await turn_away(stream, wire::Status::limit);
        co_return;
    }
    Session session(*this, stream, *visitor, std::move(client));
    co_await session.run();
}

// Answers a hello that may not have come yet; clients give it the id 0.
Task<void> Server::turn_away(net::Stream& stream, wire::Status status) {
    Bytes answer;
    wire::put_status(answer, wire::Type::hello, status, 0);
    stream.put(answer);
    co_await stream.close(loop_.now() + goodbye);
}

// Who is there. False: nobody whom we would listen to.
Task<bool> Server::introduce(Visitor& visitor, Client& client) {
    const net::Stream& stream = *visitor.stream;
    client.address = stream.peer_address();
    if (visitor.local) {
        const auto uid = stream.peer_uid();
        if (uid) client.name = fmt::format("{}{}", user, *uid);
        co_return uid.has_value();
    }
    if (!tls_) {
        client.name = loopback;
        co_return true;
    }
    const bool secured = co_await secure(visitor, client.address);
    if (secured) client.name = stream.peer();
    co_return secured;
}

Task<bool> Server::secure(Visitor& visitor, const std::string& address) {
    net::Stream& stream = *visitor.stream;
    const std::shared_ptr<const net::Tls> tls = tls_;
    Bytes no_key;  // for a client that has come without one
    wire::put_status(no_key, wire::Type::hello, wire::Status::forbidden, 0);
    const Instant deadline = loop_.now() + limits_.hello;
    const Result<void> secured = co_await stream.secure(tls->session(), deadline, no_key);
    if (!secured) {
        if (visitor.inside()) {  // else its place went to another, which was said
            log_.complain(Topic::strangers,
                          fmt::format("permission: {}: {}", address, secured.error().sentence));
        }
        co_return false;
    }
    // It may have been withdrawn while the two shook hands.
    if (tls == tls_ || (tls_ && tls_->still_lets_in(*stream.tls()))) co_return true;
    log_.complain(Topic::refusals,
                  fmt::format("permission: {}: the key or certificate of {} was withdrawn", address,
                              net::printable(stream.peer())));
    co_await turn_away(stream, wire::Status::forbidden);
    co_return false;
}

Task<bool> Server::stop() {
    stopping_ = true;
    listening_.reset();
    listeners_.clear();
    bool clean = true;
    for (const auto& served : stores_) {
        const bool home = co_await served->store().close();
        clean = clean && home;
        if (!served->store().left_in_journal()) continue;
        log_.note(
            fmt::format("store {}: a write has failed a short while ago: what it changed stays "
                        "in the journal, and the next start replays it",
                        served->name()),
            Level::notice);
    }
    const Instant deadline = loop_.now() + goodbye;
    const auto unsent = [](const Session* session) { return session->unsent() > 0; };
    while (std::ranges::any_of(sessions_, unsent) && loop_.now() < deadline) {
        co_await loop_.sleep(look_again);
    }
    co_return clean;
}

}  // namespace diskpaxos::agent
