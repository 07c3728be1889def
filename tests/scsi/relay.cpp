#include "relay.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>

#include "base/check.hpp"

namespace diskpaxos::scsi {

namespace {

constexpr int turn_ms = 5;

sockaddr_in loopback(int port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

void send_at_once(int fd) {
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

}  // namespace

Relay::Relay(int to_port)
    : to_port_(to_port), listener_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address = loopback(0);
    socklen_t length = sizeof address;
    CHECK(bind(listener_, reinterpret_cast<sockaddr*>(&address), length) == 0);
    CHECK(listen(listener_, 8) == 0);
    CHECK(getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &length) == 0);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { run(); });
}

Relay::~Relay() {
    ended_ = true;
    thread_.join();
    close(listener_);
}

void Relay::accept_one() {
    const int client = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    const int target = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const sockaddr_in address = loopback(to_port_);
    if (connect(target, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
        close(client);
        close(target);
        return;
    }
    send_at_once(client);
    send_at_once(target);
    pairs_.emplace_back(client, target);
    ++connections_;
}

bool Relay::pass(int from, int to) {
    std::array<char, 65536> buffer;
    const ssize_t count = recv(from, buffer.data(), buffer.size(), 0);
    return count > 0 &&
           send(to, buffer.data(), static_cast<std::size_t>(count), MSG_NOSIGNAL) == count;
}

void Relay::run() {
    while (!ended_) {
        std::vector<pollfd> polled{{listener_, POLLIN, 0}};
        for (const auto& [client, target] : pairs_) {
            polled.push_back({frozen_ ? -1 : client, POLLIN, 0});
            polled.push_back({frozen_ ? -1 : target, POLLIN, 0});
        }
        poll(polled.data(), polled.size(), turn_ms);
        const bool all = cut_.exchange(false);
        for (std::size_t i = pairs_.size(); i-- > 0;) {
            const auto [client, target] = pairs_[i];
            bool good = !all;
            if (good && polled[2 * i + 1].revents != 0) good = pass(client, target);
            if (good && polled[2 * i + 2].revents != 0) good = pass(target, client);
            if (good) continue;
            close(client);
            close(target);
            pairs_.erase(pairs_.begin() + static_cast<std::ptrdiff_t>(i));
        }
        if (polled[0].revents != 0) accept_one();
    }
    for (const auto& [client, target] : pairs_) {
        close(client);
        close(target);
    }
}

}  // namespace diskpaxos::scsi
