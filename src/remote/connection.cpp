#include "remote/connection.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "net/connect.hpp"

namespace diskpaxos::remote {

namespace {

// Whatever the agent says, so much memory and no more is its to fill.
constexpr std::uint32_t most_body = 1024 * 1024;
constexpr std::uint32_t most_requests = 1024;
constexpr std::uint32_t most_watches = 4096;

std::vector<std::string> key_files() {
    std::vector<std::string> paths;
    if (const char* home = std::getenv("HOME"); home != nullptr && *home != '\0') {
        paths.push_back(std::string(home) + "/.config/diskpaxos/agent.key");
    }
    paths.emplace_back("/etc/diskpaxos/agent.key");
    return paths;
}

// The path of the key that is meant, or empty if there is none.
std::string find_key_file(const Url& url) {
    if (!url.key_file.empty()) return url.key_file;
    const char* variable = std::getenv("DISKPAXOS_AGENT_KEY");
    if (variable != nullptr && *variable != '\0') return variable;
    for (const std::string& path : key_files()) {
        if (access(path.c_str(), F_OK) == 0) return path;
    }
    return {};
}

Error about(const Url& url, const Error& error) {
    return {error.code, fmt::format("{}: {}", url.name, error.sentence)};
}

Result<std::unique_ptr<net::Tls>> tls_of(const Url& url) {
    if (url.certificate) return net::Tls::client(*url.certificate);
    const std::string path = find_key_file(url);
    if (path.empty()) {
        return std::unexpected(
            Error{Code::usage,
                  "it is on another host, and there is no key to show it: name one with ?key=FILE "
                  "or DISKPAXOS_AGENT_KEY, or certificates with ?cert=FILE&cert_key=FILE&ca=FILE"});
    }
    auto keys = net::read_keys(path);
    if (!keys) return std::unexpected(keys.error());
    return net::Tls::client(std::move(keys->front()));
}

Error refusal_of(const Peer& peer, wire::Status status) {
    const Url& url = peer.url;
    switch (status) {
        case wire::Status::forbidden:
            if (!peer.tls && !url.address.is_unix()) {
                return {Code::permission,
                        "the agent does not let us use this store without a key: name one with "
                        "?key=FILE (on this host no other key is looked for), or certificates with "
                        "?cert=FILE&cert_key=FILE&ca=FILE"};
            }
            return {Code::permission, "the agent does not let us use this store"};
        case wire::Status::unknown_store:
            if (url.store.empty()) {
                return {Code::usage,
                        "the agent has more than one store: name the one that is meant"};
            }
            return {Code::usage, fmt::format("the agent has no store of the name {}", url.store)};
        case wire::Status::version:
            return {Code::io,
                    "the agent is of another version, and the two have no protocol in common"};
        case wire::Status::limit:
        case wire::Status::full:
            return {Code::no_slot, "the agent has as many connections as it takes"};
        default:
            return {Code::io, fmt::format("the agent refuses: {}", wire::describe(status))};
    }
}

// Its body lies in the reader: look at it before more is read.
Task<Result<wire::Frame>> next_frame(Connection& connection, Instant deadline) {
    for (;;) {
        const auto frame = connection.reader.next();
        if (!frame) {
            co_return std::unexpected(Error{
                Code::io, fmt::format("what answers is no agent: {}", wire::describe(frame.error()))});
        }
        if (*frame) co_return **frame;
        const ByteSpan room = connection.reader.room(wire::largest_hello);
        const auto count = co_await connection.stream->read_some(room, deadline);
        if (!count) co_return std::unexpected(count.error());
        if (*count == 0) {
            co_return std::unexpected(
                Error{Code::io, "the other end has closed the connection instead of answering"});
        }
        connection.reader.filled(*count);
    }
}

std::unexpected<Error> no_agent() {
    return std::unexpected(Error{Code::io, "what answers is no agent"});
}

Task<Result<void>> say_hello(const Peer& peer, Connection& connection, Instant deadline) {
    wire::Hello hello;
    hello.store = peer.url.store;
    Bytes frame;
    wire::put_hello(frame, 0, hello);
    connection.stream->put(frame);
    const auto answer = co_await next_frame(connection, deadline);
    if (!answer) co_return std::unexpected(answer.error());
    if (answer->status != wire::Status::ok) {
        co_return std::unexpected(refusal_of(peer, answer->status));
    }
    const auto welcome = wire::get_welcome(answer->body);
    if (!welcome || answer->type != wire::Type::hello || answer->id != 0) co_return no_agent();
    connection.welcome = *welcome;
    wire::Welcome& limits = connection.welcome;
    limits.largest_body = std::min(limits.largest_body, most_body);
    limits.requests = std::min(limits.requests, most_requests);
    limits.watches = std::min(limits.watches, most_watches);
    connection.reader.agree_on(limits.largest_body);
    co_return Result<void>();
}

Task<Result<void>> ask_rights(Connection& connection, Instant deadline) {
    Bytes frame;
    wire::put_rights(frame, 0);
    connection.stream->put(frame);
    const auto answer = co_await next_frame(connection, deadline);
    if (!answer) co_return std::unexpected(answer.error());
    const auto rights = rights_in(*answer);
    if (!rights) co_return no_agent();
    connection.rights = *rights;
    co_return Result<void>();
}

}  // namespace

std::optional<ToldRights> rights_in(const wire::Frame& frame) {
    const auto listed = wire::get_listed(frame.body);
    if (!listed || frame.type != wire::Type::rights || frame.status != wire::Status::ok) {
        return std::nullopt;
    }
    ToldRights rights;
    for (const wire::Named& right : listed->registers) rights.emplace_back(right.block, right.name);
    return rights;
}

Result<Peer> find_peer(Url url) {
    auto endpoints = net::resolve(url.address);
    if (!endpoints) return std::unexpected(about(url, endpoints.error()));
    Peer peer;
    const bool leaves = !net::is_local(*endpoints);
    if (leaves || url.certificate || !url.key_file.empty()) {
        auto tls = tls_of(url);
        if (!tls) return std::unexpected(about(url, tls.error()));
        peer.tls = std::move(*tls);
    }
    peer.endpoints = std::move(*endpoints);
    peer.url = std::move(url);
    return peer;
}

Task<Result<Connection>> greet(io::Loop& loop, const Peer& peer, Instant deadline) {
    Connection connection;
    auto stream = co_await net::connect(loop, peer.endpoints, deadline);
    if (!stream) co_return std::unexpected(about(peer.url, stream.error()));
    connection.stream = std::move(*stream);
    if (peer.tls) {
        auto session = peer.tls->session(peer.url.address.host);
        const auto secured = co_await connection.stream->secure(std::move(session), deadline);
        if (!secured) co_return std::unexpected(about(peer.url, secured.error()));
    }
    const auto welcomed = co_await say_hello(peer, connection, deadline);
    if (!welcomed) co_return std::unexpected(about(peer.url, welcomed.error()));
    const auto told = co_await ask_rights(connection, deadline);
    if (!told) co_return std::unexpected(about(peer.url, told.error()));
    co_return connection;
}

}  // namespace diskpaxos::remote
