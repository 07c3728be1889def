#include "scsi/iscsi_url.hpp"

#include <fmt/format.h>
#include <netdb.h>
#include <unistd.h>

#include <array>
#include <fstream>

namespace diskpaxos::scsi {

std::string shown(std::string_view url) {
    std::string_view rest = url.substr(iscsi_scheme.size());
    rest = rest.substr(0, rest.find('?'));
    const std::size_t at = rest.rfind('@');  // a password may have one, an IQN has none
    if (at != std::string_view::npos) rest = rest.substr(at + 1);
    return std::string(iscsi_scheme) + std::string(rest);
}

Result<std::string> numeric(const std::string& portal) {
    // HOST, HOST:PORT, [IPV6] or [IPV6]:PORT
    const std::size_t colon = portal.rfind(':');
    const bool has_port =
        colon != std::string::npos && portal.find(']', colon) == std::string::npos;
    std::string host = has_port ? portal.substr(0, colon) : portal;
    const std::string port = has_port ? portal.substr(colon) : std::string();
    if (host.size() > 2 && host.front() == '[') host = host.substr(1, host.size() - 2);

    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    const int error = getaddrinfo(host.c_str(), nullptr, &hints, &found);
    if (error != 0) {
        return std::unexpected(Error{Code::io, fmt::format("{}: {}", host, gai_strerror(error))});
    }
    std::array<char, NI_MAXHOST> address{};
    getnameinfo(found->ai_addr, found->ai_addrlen, address.data(), address.size(), nullptr, 0,
                NI_NUMERICHOST);
    const bool v6 = found->ai_family == AF_INET6;
    freeaddrinfo(found);
    return v6 ? fmt::format("[{}]{}", address.data(), port) : address.data() + port;
}

std::string initiator_name() {
    std::ifstream file("/etc/iscsi/initiatorname.iscsi");
    constexpr std::string_view key = "InitiatorName=";
    for (std::string line; std::getline(file, line);) {
        if (line.starts_with(key) && line.size() > key.size()) return line.substr(key.size());
    }
    std::array<char, 65> host{};
    gethostname(host.data(), host.size() - 1);
    return fmt::format("iqn.2026-01.diskpaxos:{}", host.data());
}

}  // namespace diskpaxos::scsi
