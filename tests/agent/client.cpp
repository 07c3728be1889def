#include "agent/client.hpp"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "base/check.hpp"
#include "wire/trim.hpp"

namespace diskpaxos::agent {

namespace {

int connected(const std::string& place) {
    int fd = -1;
    if (place.starts_with('/')) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::strncpy(address.sun_path, place.c_str(), sizeof address.sun_path - 1);
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) return fd;
    } else {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        const int port = std::stoi(place.substr(place.rfind(':') + 1));
        address.sin_port = htons(static_cast<std::uint16_t>(port));
        fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        const int on = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) return fd;
    }
    close(fd);
    return -1;
}

}  // namespace

TestClient::TestClient(const std::string& place, const std::string& store, bool hello,
                       std::uint64_t features)
    : fd_(connected(place)) {
    if (!hello || fd_ < 0) return;
    wire::put_hello(out_, next_id(), {.features = features, .store = store});
    send(out_);
    const auto frame = receive();
    if (!frame) return;
    greeting_ = frame->status;
    if (const auto welcome = wire::get_welcome(frame->body)) welcome_ = *welcome;
}

TestClient::~TestClient() {
    if (fd_ >= 0) close(fd_);
}

void TestClient::send(ByteView bytes) {
    while (!bytes.empty()) {
        const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent <= 0) return;
        bytes = bytes.subspan(static_cast<std::size_t>(sent));
    }
}

std::optional<wire::Frame> TestClient::receive(int milliseconds) {
    for (;;) {
        const auto frame = reader_.next();
        CHECK(frame);
        if (*frame) return **frame;
        pollfd ready{fd_, POLLIN, 0};
        if (poll(&ready, 1, milliseconds) <= 0) return {};
        const ByteSpan room = reader_.room(65536);
        const ssize_t got = recv(fd_, room.data(), room.size(), 0);
        if (got <= 0) return {};
        reader_.filled(static_cast<std::size_t>(got));
    }
}

void TestClient::finish() {
    CHECK(shutdown(fd_, SHUT_WR) == 0);
}

bool TestClient::ended() {
    pollfd ready{fd_, POLLIN, 0};
    while (poll(&ready, 1, 2000) > 0) {
        char piece[4096];
        if (recv(fd_, piece, sizeof piece, 0) <= 0) return true;
    }
    return false;
}

wire::Status TestClient::answer(std::uint64_t id) {
    send(out_);
    const auto frame = receive();
    if (!frame || frame->id != id) return wire::Status::failed;
    block.assign(frame->body.begin(), frame->body.end());
    if (welcome_ && !block.empty() && frame->type != wire::Type::list) {
        block.resize(welcome_->block_size);
        if (!wire::untrim(frame->body, block)) return wire::Status::failed;
    }
    return frame->status;
}

wire::Status TestClient::step(std::uint64_t number, Rank rank, ByteView request) {
    out_.clear();
    wire::put_step(out_, next_id(), number, rank, request);
    return answer(id_);
}

wire::Status TestClient::read(std::uint64_t number) {
    out_.clear();
    wire::put_read(out_, next_id(), {number, 1});
    return answer(id_);
}

wire::Status TestClient::write(std::uint64_t first, ByteView blocks) {
    out_.clear();
    wire::put_write(out_, next_id(), first, blocks);
    return answer(id_);
}

wire::Status TestClient::ping() {
    out_.clear();
    wire::put_ping(out_, next_id());
    return answer(id_);
}

}  // namespace diskpaxos::agent
