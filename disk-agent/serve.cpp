// `serve`: from the options to the last commit.
#include <fmt/format.h>
#include <csignal>

#include "disk-agent/drive.hpp"
#include "disk-agent/hardening.hpp"
#include "disk-agent/notify.hpp"
#include "disk-agent/server.hpp"
#include "disk-agent/verbs.hpp"
#include "io/backend.hpp"
#include "io/os_random.hpp"
#include "net/keys.hpp"

namespace diskpaxos::agent {

namespace {

constexpr std::uint16_t default_port = 4747;
constexpr std::uint64_t most_connections = 1'000'000;

// Descriptors for files that are read again, and for connections that end while others come.
constexpr std::uint64_t spare_descriptors = 24;
constexpr Duration patience_at_the_end = std::chrono::seconds(10);

struct Order {
    Words stores;
    Words sockets;
    Words addresses;
    std::string access;
    std::string keys;
    net::CertificateFiles certificate;
    bool allow_loopback = false;
    bool verbose = false;
    std::uint64_t connections = 0;
};

Result<Order> understood(const cli::Invocation& call) {
    Order order;
    order.stores = call.all("store");
    order.sockets = call.all("unix");
    order.addresses = call.all("listen");
    order.access = call.text("access").value_or("");
    order.keys = call.text("keys").value_or("");
    order.certificate.certificate = call.text("cert").value_or("");
    order.certificate.key = call.text("cert-key").value_or("");
    order.certificate.authority = call.text("ca").value_or("");
    order.allow_loopback = call.has("allow-loopback");
    order.verbose = call.has("verbose");
    const auto connections =
        call.number("connections", Server::usual_connections, 1, most_connections);
    if (!connections) return std::unexpected(connections.error());
    order.connections = *connections;
    return order;
}

Result<void> objection(const Order& order) {
    if (order.stores.empty()) return usage("no store is named; it is: serve --store NAME=PATH");
    if (order.sockets.empty() && order.addresses.empty()) {
        return usage("nowhere to listen; give --unix PATH or --listen HOST:PORT");
    }
    const net::CertificateFiles& files = order.certificate;
    const int given = !files.certificate.empty() + !files.key.empty() + !files.authority.empty();
    if (given != 0 && given != 3) return usage("--cert, --cert-key and --ca belong together");
    return {};
}

Result<std::unique_ptr<net::Tls>> make_tls(const Order& order) {
    const bool certified = !order.certificate.certificate.empty();
    if (order.keys.empty() && !certified) return std::unique_ptr<net::Tls>();
    std::vector<net::PresharedKey> keys;
    if (!order.keys.empty()) {
        auto read = net::read_keys(order.keys);
        if (!read) return std::unexpected(read.error());
        keys = std::move(*read);
    }
    return net::Tls::server(std::move(keys), certified ? &order.certificate : nullptr);
}

Result<std::optional<AccessRules>> make_rules(const Order& order) {
    if (order.access.empty()) return std::nullopt;
    auto rules = AccessRules::read(order.access);
    if (!rules) return std::unexpected(rules.error());
    return std::move(*rules);
}

struct Place {
    std::string text;
    net::Endpoint endpoint;
};

// Nothing goes over a network in the clear, and nothing over loopback unless somebody wants it.
Result<std::vector<Place>> places(const Order& order, bool tls) {
    std::vector<Place> all;
    for (const std::string& path : order.sockets) {
        const auto address = net::parse_address(path, default_port);
        if (!address) return std::unexpected(address.error());
        if (!address->is_unix()) {
            return usage(fmt::format("--unix {}: a path that begins with a slash is needed", path));
        }
        const auto endpoints = net::resolve(*address);
        if (!endpoints) return std::unexpected(endpoints.error());
        all.push_back({path, endpoints->front()});
    }
    for (const std::string& text : order.addresses) {
        const auto address = net::parse_address(text, default_port);
        if (!address) return std::unexpected(address.error());
        if (address->is_unix()) return usage(fmt::format("--listen {}: use --unix", text));
        const auto endpoints = net::resolve(*address);
        if (!endpoints) return std::unexpected(endpoints.error());
        for (const net::Endpoint& endpoint : *endpoints) {
            if (!tls && !net::is_local(endpoint)) {
                return usage(fmt::format(
                    "--listen {}: TLS is needed beyond this host; give --keys, or --cert, "
                    "--cert-key and --ca",
                    text));
            }
            if (!tls && !order.allow_loopback) {
                return usage(
                    fmt::format("--listen {}: any user of this host could connect; give "
                                "--keys, use --unix, or say --allow-loopback",
                                text));
            }
            all.push_back({text, endpoint});
        }
    }
    return all;
}

// Every connection is a descriptor. How many connections there may be, all else being open.
Result<unsigned> connections_for(const Order& order, std::uint64_t limit, Log& log) {
    const std::uint64_t wished = order.connections;
    const std::uint64_t taken = descriptors_in_use() + spare_descriptors;
    if (limit > taken && limit - taken >= wished) return static_cast<unsigned>(wished);
    const std::string said = fmt::format(
        "the limit of open files (\"ulimit -n\", or LimitNOFILE= of the unit) is {}", limit);
    if (limit <= taken) {
        return std::unexpected(
            Error{Code::io, fmt::format("{}: that leaves none for connections", said)});
    }
    log.note(
        fmt::format("{}: it serves {} connections at a time, not {}", said, limit - taken, wished),
        Level::warning);
    return static_cast<unsigned>(limit - taken);
}

Result<void> open_stores(io::Loop& loop, Server& server, const Order& order) {
    for (const std::string& text : order.stores) {
        const std::size_t equals = text.find('=');
        const std::string name = text.substr(0, equals);
        if (equals == std::string::npos || name.empty() || equals + 1 == text.size() ||
            name.size() > wire::longest_name) {
            return usage(fmt::format("--store {}: it is NAME=PATH", text));
        }
        if (server.find(name) != nullptr) {
            return usage(fmt::format("--store {}: there are two stores of that name", text));
        }
        const auto opened = drive(loop, server.add_store(name, text.substr(equals + 1)));
        if (!opened) return opened;
    }
    return {};
}

// New keys and rules, if they make sense.
Result<void> read_again(const Order& order, Server& server) {
    auto rules = make_rules(order);
    if (!rules) return std::unexpected(rules.error());
    auto tls = make_tls(order);
    if (!tls) return std::unexpected(tls.error());
    server.use_rules(std::move(*rules));
    server.use_tls(std::move(*tls));
    return {};
}

void read_again(const Order& order, Server& server, Log& log) {
    Result<void> done = std::unexpected(Error{Code::io, "there is no memory to read it"});
    try {
        done = read_again(order, server);
    } catch (const std::exception& error) {
        done = std::unexpected(Error{Code::io, error.what()});
    }
    if (done) return log.note("keys and access rules were read again", Level::notice);
    log.note(fmt::format("{}: {}; what was there before is still used", word(done.error().code),
                         done.error().sentence),
             Level::error);
}

Result<int> serve_until_stopped(io::Loop& loop, Server& server, const Order& order, Log& log,
                                Event& arrived) {
    for (bool stop = false; !stop;) {
        loop.run_until(arrived);
        arrived.reset();
        for (const int signal : loop.take_signals()) {
            if (signal == SIGHUP) {
                read_again(order, server, log);
            } else {
                stop = true;
            }
        }
    }
    notify("STOPPING=1");
    std::optional<bool> clean;
    const Instant deadline = loop.now() + patience_at_the_end;
    Scope scope(loop.queue());
    scope.spawn(keep(server.stop(), clean));
    loop.run_until([&] { return clean.has_value() || loop.now() >= deadline; });
    if (clean.value_or(false)) {
        log.tell_left_out();
        log.note("stopped", Level::notice);
        return 0;
    }
    return std::unexpected(
        Error{Code::io,
              "stopped, but a store could not be written; what was acknowledged is safe in it"});
}

}  // namespace

Result<int> run_serve(const cli::Invocation& call) {
    const Result<Order> wish = understood(call);
    if (!wish) return std::unexpected(wish.error());
    const Order& order = *wish;
    if (auto fine = objection(order); !fine) return std::unexpected(fine.error());
    auto rules = make_rules(order);
    if (!rules) return std::unexpected(rules.error());
    auto tls = make_tls(order);
    if (!tls) return std::unexpected(tls.error());
    const auto all = places(order, *tls != nullptr);
    if (!all) return std::unexpected(all.error());

    const std::uint64_t descriptors = raise_descriptor_limit();
    Event arrived;
    auto made = io::make_loop();
    if (!made) return std::unexpected(made.error());
    io::Loop& loop = *made->loop;
    loop.watch_signals({SIGTERM, SIGINT, SIGHUP}, arrived);
    Log log(loop, order.verbose);
    if (!made->remark.empty()) log.note(made->remark, Level::warning);
    io::OsRandom random;
    Server server(loop, log, random.bits(64));
    server.use_rules(std::move(*rules));
    server.use_tls(std::move(*tls));
    if (auto fine = open_stores(loop, server, order); !fine) return std::unexpected(fine.error());
    for (const Place& place : *all) {
        const auto endpoint = server.listen(place.endpoint);
        if (!endpoint) return std::unexpected(endpoint.error());
        log.note(fmt::format("listening at {}", net::describe(*endpoint)));
    }
    const auto connections = connections_for(order, descriptors, log);
    if (!connections) return std::unexpected(connections.error());
    server.places().change(Places::Limits::of(*connections));
    notify("READY=1");
    return serve_until_stopped(loop, server, order, log, arrived);
}

}  // namespace diskpaxos::agent
