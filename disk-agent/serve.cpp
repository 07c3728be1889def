// `serve`: from the options to the last commit.
#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <boost/program_options.hpp>
#include <csignal>

#include "disk-agent/drive.hpp"
#include "disk-agent/notify.hpp"
#include "disk-agent/server.hpp"
#include "disk-agent/verbs.hpp"
#include "io/backend.hpp"
#include "io/os_random.hpp"
#include "net/keys.hpp"

namespace diskpaxos::agent {

namespace po = boost::program_options;

namespace {

constexpr std::uint16_t default_port = 4747;
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
    unsigned connections = 0;
};

po::options_description described(Order& order) {
    po::options_description options("diskpaxos-agent serve");
    auto add = options.add_options();
    add("store", po::value(&order.stores), "NAME=PATH of a store; repeat it for more");
    add("unix", po::value(&order.sockets), "PATH of a UNIX socket to listen at; repeatable");
    add("listen", po::value(&order.addresses), "HOST:PORT to listen at by TCP; repeatable");
    add("access", po::value(&order.access),
        "FILE of who may do what; without it root, this user, and whoever has a key may do all");
    add("keys", po::value(&order.keys), "FILE with lines NAME:HEX, the keys of clients");
    add("cert", po::value(&order.certificate.certificate), "FILE (PEM), our certificate");
    add("cert-key", po::value(&order.certificate.key), "FILE (PEM), its key");
    add("ca", po::value(&order.certificate.authority),
        "FILE (PEM), who signs the certificates of clients");
    add("allow-loopback", po::bool_switch(&order.allow_loopback),
        "plain TCP on loopback: any user of this host could connect");
    add("connections", po::value(&order.connections)->default_value(2048),
        "at most so many at a time");
    add("verbose", po::bool_switch(&order.verbose), "say who comes and goes");
    add("help", "this text");
    return options;
}

Result<void> objection(const Order& order) {
    if (order.stores.empty()) return usage("no store is named; it is: serve --store NAME=PATH");
    if (order.sockets.empty() && order.addresses.empty()) {
        return usage("nowhere to listen; give --unix PATH or --listen HOST:PORT");
    }
    const net::CertificateFiles& files = order.certificate;
    const int given = !files.certificate.empty() + !files.key.empty() + !files.authority.empty();
    if (given != 0 && given != 3) return usage("--cert, --cert-key and --ca belong together");
    if (order.connections == 0) return usage("--connections must be at least 1");
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

// Every connection is a descriptor.
void raise_descriptor_limit() {
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
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

// New keys and rules, if they make sense; connections that are inside stay, unless their rights to
// their store have gone.
void read_again(const Order& order, Server& server, Log& log) {
    auto rules = make_rules(order);
    auto tls = make_tls(order);
    for (const Error* error : {rules ? nullptr : &rules.error(), tls ? nullptr : &tls.error()}) {
        if (error == nullptr) continue;
        log.note(fmt::format("{}: {}; what was there before is still used", word(error->code),
                             error->sentence));
        return;
    }
    server.use_rules(std::move(*rules));
    server.use_tls(std::move(*tls));
    log.note("keys and access rules were read again");
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
        log.note("stopped");
        return 0;
    }
    return std::unexpected(
        Error{Code::io,
              "stopped, but a store could not be written; what was acknowledged is safe in it"});
}

}  // namespace

Result<int> run_serve(const Words& words) {
    Order order;
    const po::options_description options = described(order);
    try {
        po::variables_map values;
        po::store(po::command_line_parser(words)
                      .options(options)
                      .positional(po::positional_options_description())
                      .run(),
                  values);
        po::notify(values);
        if (values.contains("help")) {
            std::ostringstream text;
            text << options;
            fmt::print("{}", text.str());
            return 0;
        }
    } catch (const po::error& error) {
        return usage(fmt::format("{}; see \"diskpaxos-agent serve --help\"", error.what()));
    }
    if (auto fine = objection(order); !fine) return std::unexpected(fine.error());
    auto rules = make_rules(order);
    if (!rules) return std::unexpected(rules.error());
    auto tls = make_tls(order);
    if (!tls) return std::unexpected(tls.error());
    const auto all = places(order, *tls != nullptr);
    if (!all) return std::unexpected(all.error());

    raise_descriptor_limit();
    Event arrived;
    auto made = io::make_loop();
    if (!made) return std::unexpected(made.error());
    io::Loop& loop = *made->loop;
    loop.watch_signals({SIGTERM, SIGINT, SIGHUP}, arrived);
    Log log(loop, order.verbose);
    if (!made->remark.empty()) log.note(made->remark);
    io::OsRandom random;
    Server server(loop, log, random.bits(64));
    server.most_connections = order.connections;
    server.use_rules(std::move(*rules));
    server.use_tls(std::move(*tls));
    if (auto fine = open_stores(loop, server, order); !fine) return std::unexpected(fine.error());
    for (const Place& place : *all) {
        const auto endpoint = server.listen(place.endpoint);
        if (!endpoint) return std::unexpected(endpoint.error());
        log.note(fmt::format("listening at {}", net::describe(*endpoint)));
    }
    notify("READY=1");
    return serve_until_stopped(loop, server, order, log, arrived);
}

}  // namespace diskpaxos::agent
