// Connection: a stream to one store of one agent, whose hello has been answered.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "net/stream.hpp"
#include "remote/url.hpp"
#include "wire/message.hpp"

namespace diskpaxos::remote {

// Where an agent is and how we prove to it who we are; found once, used for each connection.
struct Peer {
    Url url;
    std::vector<net::Endpoint> endpoints;
    std::shared_ptr<const net::Tls> tls;  // null: neither needed nor wished for
};

// TLS is used if the URL names a key or certificate, and wherever the bytes leave this host. Then
// the key is the first of ?key=, $DISKPAXOS_AGENT_KEY, ~/.config/diskpaxos/agent.key and
// /etc/diskpaxos/agent.key that exists. Asks the system's resolver, which may take its time.
Result<Peer> find_peer(Url url);

// What we may do there: wire::Permission, and the prefix of the names that it is for.
using ToldRights = std::vector<std::pair<std::uint64_t, std::string>>;
std::optional<ToldRights> rights_in(const wire::Frame& frame);  // nothing: it says something else

struct Connection {
    std::unique_ptr<net::Stream> stream;
    wire::Welcome welcome;
    ToldRights rights;
    wire::FrameReader reader{wire::largest_hello};
};

// Connects and says hello. `peer` must outlive the call.
Task<Result<Connection>> greet(io::Loop& loop, const Peer& peer, Instant deadline);

}  // namespace diskpaxos::remote
