// Server: the stores, who may come in, and everybody who is in. One thread, one ring.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "disk-agent/looks.hpp"
#include "disk-agent/places.hpp"
#include "disk-agent/session.hpp"
#include "io/open_disk.hpp"
#include "net/connect.hpp"

namespace diskpaxos::agent {

struct Visitor;  // a connection and the place that it has

class Server {
  public:
    static constexpr unsigned usual_connections = 2048;

    Server(io::Loop& loop, Log& log, std::uint64_t instance);
    ~Server();
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    // Opens the store at `path` for us alone and brings it up to date.
    Task<Result<void>> add_store(std::string name, std::string path);

    // Takes effect at once: what a client may do now is told to it, if it wants to know, and who
    // may not use its store any more is cut off.
    //
    // Without rules: whoever has a key or certificate may do everything, so may on this host root
    // and the user that we are, and whoever comes by plain TCP, if that is possible at all.
    void use_rules(std::optional<AccessRules> rules);
    // Whose key or certificate is not believed any more is cut off, too.
    void use_tls(std::shared_ptr<const net::Tls> tls);

    // Connections by TCP are inside TLS if there is any.
    Result<net::Endpoint> listen(const net::Endpoint& endpoint);

    // Takes no more requests, commits, and brings everything home. False: not all of it.
    Task<bool> stop();

    // For sessions.
    Instant now() const { return loop_.now(); }
    static std::uint64_t time_of_day_ms();  // unix; of the system's clock, and not kept
    Clock& clock() { return loop_; }
    Log& log() { return log_; }
    const Limits& limits() const { return limits_; }
    std::uint64_t instance() const { return instance_; }
    Rights rights_of(const std::string& client) const;
    ServedStore* find(std::string_view name) const;  // empty: the only one
    bool stopping() const { return stopping_; }
    Event& stopped() { return stopped_; }
    Places& places() { return places_; }
    Looks& looks() { return looks_; }
    void enter(Session& session);
    void leave(Session& session);

    std::vector<std::unique_ptr<ServedStore>>& stores() { return stores_; }
    Limits& change_limits() { return limits_; }

  private:
    Task<bool> lock(io::OpenDisk& file);
    Task<void> accept_all(net::Listener& listener, bool local);
    Task<void> attend(std::unique_ptr<Visitor> visitor);
    Task<bool> introduce(Visitor& visitor, Client& client);
    Task<bool> secure(Visitor& visitor, const std::string& address);
    Task<void> turn_away(net::Stream& stream, wire::Status status);
    Task<void> tell_left_out();
    bool make_place(Visitor& visitor);
    void note_no_descriptors(int error);

    io::Loop& loop_;
    Log& log_;
    Limits limits_;
    const std::uint64_t instance_;
    std::optional<AccessRules> rules_;
    std::shared_ptr<const net::Tls> tls_;
    std::vector<std::unique_ptr<ServedStore>> stores_;
    std::vector<std::unique_ptr<net::Listener>> listeners_;
    std::set<Session*> sessions_;
    std::map<std::string, unsigned> by_client_;
    Places places_;
    Looks looks_;
    bool stopping_ = false;
    Event stopped_;
    std::optional<Scope> listening_;  // of accept_all()
    Scope scope_;                     // last: sessions die first
};

}  // namespace diskpaxos::agent
