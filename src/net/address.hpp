// Where a stream leads: `host:port`, `[v6 address]:port`, or the path of a UNIX socket, which
// begins with a slash.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "diskpaxos/error.hpp"

namespace diskpaxos::net {

struct Address {
    std::string host;
    std::uint16_t port = 0;
    std::string path;  // of a UNIX socket; then there is neither host nor port

    bool is_unix() const { return !path.empty(); }
    bool operator==(const Address&) const = default;
};

// Without a port it is `default_port`; 0 demands one.
Result<Address> parse_address(std::string_view text, std::uint16_t default_port);
std::string describe(const Address& address);

// The address as the kernel takes it.
struct Endpoint {
    sockaddr_storage address{};
    socklen_t length = 0;
    const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&address); }
};

// Asks the resolver of the system, which may take its time for names that are neither numbers nor
// in /etc/hosts: not on the thread of a loop that matters (io/aside.hpp).
Result<std::vector<Endpoint>> resolve(const Address& address);
bool is_numeric(const Address& address);  // then resolve() asks nobody

// Whether what is sent there stays on this host.
bool is_local(const Endpoint& endpoint);
bool is_local(const std::vector<Endpoint>& endpoints);  // all of them, and at least one
std::string describe(const Endpoint& endpoint);         // numbers

// Who answers for it: an IPv4 address, or the /64 of an IPv6 address, which is one's to fill.
std::string network_of(const Endpoint& endpoint);

}  // namespace diskpaxos::net
