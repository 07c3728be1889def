#include "disk-agent/server.hpp"

#include <fmt/format.h>
#include <linux/magic.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>

#include "disk-agent/printable.hpp"

namespace diskpaxos::agent {

namespace {

// The lock of an agent that was killed is held until its last write has landed.
constexpr Duration lock_patience = std::chrono::seconds(3);
constexpr Duration lock_pause = std::chrono::milliseconds(20);
constexpr Duration goodbye = std::chrono::seconds(1);
constexpr Duration look_again = std::chrono::milliseconds(5);

constexpr std::string_view loopback = "loopback";
constexpr std::string_view user = "uid:";

// Names that we give ourselves; no key and no certificate may claim them.
bool reserved(std::string_view name) {
    return name == loopback || name.starts_with(user);
}

bool in_memory(const io::OpenDisk& file) {
    struct statfs facts{};
    if (file.facts().block_device || fstatfs(file.descriptor()->number(), &facts) != 0)
        return false;
    return facts.f_type == TMPFS_MAGIC || facts.f_type == RAMFS_MAGIC;
}

class Counted {
  public:
    explicit Counted(unsigned& count) : count_(count) { ++count_; }
    Counted(const Counted&) = delete;
    Counted& operator=(const Counted&) = delete;
    ~Counted() { --count_; }

  private:
    unsigned& count_;
};

}  // namespace

Server::Server(io::Loop& loop, Log& log, std::uint64_t instance)
    : loop_(loop), log_(log), instance_(instance), scope_(loop.queue()) {
    listening_.emplace(loop.queue());
}

Server::~Server() = default;

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

// Whoever has lost the store that it uses is cut off; others find out at their next request.
void Server::use_rules(std::optional<AccessRules> rules) {
    rules_ = std::move(rules);
    for (Session* session : sessions_) session->use_rights(rights_of(session->client().name));
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
    listeners_.push_back(std::move(*listener));
    listening_->spawn(accept_all(*listeners_.back(), local));
    return listeners_.back()->endpoint();
}

Task<void> Server::accept_all(net::Listener& listener, bool local) {
    for (;;) {
        std::unique_ptr<net::Stream> stream = co_await listener.accept();
        if (connections_ < most_connections) {
            scope_.spawn(attend(std::move(stream), local));
        } else {
            log_.complain(
                fmt::format("limit: {} connections are open; one more was refused", connections_));
        }
    }
}

Task<void> Server::attend(std::unique_ptr<net::Stream> stream, bool local) {
    const Counted counted(connections_);
    Client client;
    if (!co_await introduce(*stream, local, client)) co_return;
    const auto count = by_client_.find(client.name);
    if (count != by_client_.end() && count->second >= most_per_client) {
        log_.complain(fmt::format("limit: client {} has {} connections; one more was refused",
                                  printable(client.name), count->second));
        co_return;
    }
    Session session(*this, *stream, std::move(client));
    co_await session.run();
}

// Who is there. False: nobody whom we would listen to.
Task<bool> Server::introduce(net::Stream& stream, bool local, Client& client) {
    client.address = stream.peer_address();
    if (local) {
        const auto uid = stream.peer_uid();
        if (uid) client.name = fmt::format("{}{}", user, *uid);
        co_return uid.has_value();
    }
    if (!tls_) {
        client.name = loopback;
        co_return true;
    }
    std::unique_ptr<net::TlsSession> tls = tls_->session();
    const Result<void> secured =
        co_await stream.secure(std::move(tls), loop_.now() + limits_.hello);
    if (!secured) {
        log_.complain(fmt::format("permission: {}: {}", client.address, secured.error().sentence));
        co_return false;
    }
    client.name = stream.peer();
    if (reserved(client.name)) {
        log_.complain(fmt::format("permission: {} calls itself {}, which no key may be for",
                                  client.address, printable(client.name)));
        co_return false;
    }
    co_return true;
}

Task<bool> Server::stop() {
    stopping_ = true;
    listening_.reset();
    listeners_.clear();
    bool clean = true;
    for (const auto& served : stores_) {
        const bool home = co_await served->store().close();
        clean = clean && home;
    }
    const Instant deadline = loop_.now() + goodbye;
    const auto unsent = [](const Session* session) { return session->unsent() > 0; };
    while (std::ranges::any_of(sessions_, unsent) && loop_.now() < deadline) {
        co_await loop_.sleep(look_again);
    }
    co_return clean;
}

}  // namespace diskpaxos::agent
