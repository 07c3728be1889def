#include "net/address.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstring>
#include <memory>
#include <optional>

namespace diskpaxos::net {

namespace {

Error bad(std::string_view text, std::string_view why) {
    return {Code::usage, fmt::format("\"{}\" is no address: {}", text, why)};
}

std::optional<std::uint16_t> parse_port(std::string_view digits) {
    std::uint16_t port = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
    if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
    return port;
}

Result<Endpoint> unix_endpoint(const std::string& path) {
    sockaddr_un unix{};
    unix.sun_family = AF_UNIX;
    if (path.size() >= sizeof unix.sun_path) {
        return std::unexpected(bad(path, "a UNIX socket's path has at most 107 bytes"));
    }
    path.copy(unix.sun_path, path.size());
    Endpoint endpoint;
    std::memcpy(&endpoint.address, &unix, sizeof unix);
    endpoint.length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + 1);
    return endpoint;
}

std::uint16_t port_of(const Endpoint& endpoint) {
    in_port_t port = 0;  // at the same place in both families
    static_assert(offsetof(sockaddr_in, sin_port) == offsetof(sockaddr_in6, sin6_port));
    std::memcpy(&port,
                reinterpret_cast<const char*>(endpoint.get()) + offsetof(sockaddr_in, sin_port),
                sizeof port);
    return ntohs(port);
}

// In numbers; empty: it is no address that has such.
std::string host_of(const Endpoint& endpoint) {
    char host[NI_MAXHOST] = "";
    const int refusal =
        getnameinfo(endpoint.get(), endpoint.length, host, sizeof host, nullptr, 0, NI_NUMERICHOST);
    return refusal == 0 ? host : "";
}

}  // namespace

Result<Address> parse_address(std::string_view text, std::uint16_t default_port) {
    if (text.starts_with('/')) {
        return Address{.host = {}, .port = 0, .path = std::string(text)};
    }
    std::string_view host = text;
    std::string_view port;
    if (text.starts_with('[')) {
        const std::size_t end = text.find(']');
        if (end == std::string_view::npos) return std::unexpected(bad(text, "a ] is missing"));
        host = text.substr(1, end - 1);
        port = text.substr(end + 1);
        if (!port.empty() && !port.starts_with(':')) {
            return std::unexpected(bad(text, "after the ] comes a colon and the port, or nothing"));
        }
    } else if (const std::size_t colon = text.find(':'); colon != std::string_view::npos) {
        host = text.substr(0, colon);
        port = text.substr(colon);
        if (port.find(':', 1) != std::string_view::npos) {
            return std::unexpected(bad(text, "an IPv6 address stands in [brackets]"));
        }
    }
    if (host.empty()) return std::unexpected(bad(text, "the host is missing"));
    std::optional<std::uint16_t> number = default_port;
    if (!port.empty()) number = parse_port(port.substr(1));
    if (!number || (port.empty() && default_port == 0)) {
        return std::unexpected(bad(text, "a port is a number from 0 to 65535, after a colon"));
    }
    return Address{.host = std::string(host), .port = *number, .path = {}};
}

std::string describe(const Address& address) {
    if (address.is_unix()) return address.path;
    const bool brackets = address.host.find(':') != std::string::npos;
    return fmt::format("{}{}{}:{}", brackets ? "[" : "", address.host, brackets ? "]" : "",
                       address.port);
}

Result<std::vector<Endpoint>> resolve(const Address& address) {
    if (address.is_unix()) {
        Result<Endpoint> endpoint = unix_endpoint(address.path);
        if (!endpoint) return std::unexpected(endpoint.error());
        return std::vector<Endpoint>{*endpoint};
    }
    addrinfo wish{};
    wish.ai_socktype = SOCK_STREAM;
    wish.ai_flags = AI_NUMERICSERV;
    addrinfo* found = nullptr;
    const std::string port = std::to_string(address.port);
    const int refusal = getaddrinfo(address.host.c_str(), port.c_str(), &wish, &found);
    if (refusal != 0) {
        const char* why = refusal == EAI_SYSTEM ? std::strerror(errno) : gai_strerror(refusal);
        return std::unexpected(
            Error{Code::io, fmt::format("the host {} cannot be found: {}", address.host, why)});
    }
    const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner(found, freeaddrinfo);
    std::vector<Endpoint> endpoints;
    for (const addrinfo* each = found; each != nullptr; each = each->ai_next) {
        Endpoint& endpoint = endpoints.emplace_back();
        std::memcpy(&endpoint.address, each->ai_addr, each->ai_addrlen);
        endpoint.length = each->ai_addrlen;
    }
    return endpoints;
}

bool is_numeric(const Address& address) {
    in6_addr any{};  // the larger of the two
    return address.is_unix() || inet_pton(AF_INET, address.host.c_str(), &any) == 1 ||
           inet_pton(AF_INET6, address.host.c_str(), &any) == 1;
}

bool is_local(const Endpoint& endpoint) {
    const sockaddr* address = endpoint.get();
    switch (address->sa_family) {
        case AF_UNIX:
            return true;
        case AF_INET: {
            sockaddr_in four{};
            std::memcpy(&four, address, sizeof four);
            return (ntohl(four.sin_addr.s_addr) >> 24) == 127;
        }
        case AF_INET6: {
            sockaddr_in6 six{};
            std::memcpy(&six, address, sizeof six);
            const in6_addr& bytes = six.sin6_addr;
            if (IN6_IS_ADDR_V4MAPPED(&bytes)) return bytes.s6_addr[12] == 127;
            return IN6_IS_ADDR_LOOPBACK(&bytes);
        }
        default:
            return false;
    }
}

bool is_local(const std::vector<Endpoint>& endpoints) {
    const auto local = [](const Endpoint& endpoint) { return is_local(endpoint); };
    return !endpoints.empty() && std::ranges::all_of(endpoints, local);
}

std::string network_of(const Endpoint& endpoint) {
    Endpoint network = endpoint;
    bool whole = true;
    if (endpoint.get()->sa_family == AF_INET6) {
        sockaddr_in6 six{};
        std::memcpy(&six, endpoint.get(), sizeof six);
        auto& bytes = six.sin6_addr.s6_addr;
        whole = IN6_IS_ADDR_V4MAPPED(&six.sin6_addr);
        if (!whole) std::fill(std::begin(bytes) + sizeof bytes / 2, std::end(bytes), 0);
        std::memcpy(&network.address, &six, sizeof six);
    }
    const std::string host = host_of(network);
    return whole ? host : host + "/64";
}

std::string describe(const Endpoint& endpoint) {
    const sockaddr* address = endpoint.get();
    if (address->sa_family == AF_UNIX) {
        const auto* unix = reinterpret_cast<const sockaddr_un*>(address);
        return unix->sun_path[0] == '\0' ? "a UNIX socket" : unix->sun_path;
    }
    const std::string host = host_of(endpoint);
    if (host.empty()) return "an unknown address";
    return describe(Address{.host = host, .port = port_of(endpoint), .path = {}});
}

}  // namespace diskpaxos::net
