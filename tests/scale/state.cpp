#include "scale/state.hpp"

#include <fmt/format.h>

#include "node/real_world.hpp"
#include "remote/connection.hpp"
#include "scale/agents.hpp"

namespace diskpaxos::scale {

namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t few = 1024;  // registers
constexpr std::uint64_t many = 65536 + few;
constexpr unsigned connections = 1000;

Task<bool> greet_often(io::Loop& loop, const remote::Peer& peer,
                       std::vector<remote::Connection>& all) {
    for (unsigned i = 0; i < connections; ++i) {
        auto connection = co_await remote::greet(loop, peer, loop.now() + 10s);
        if (!connection) co_return false;
        all.push_back(std::move(*connection));
    }
    co_return true;
}

}  // namespace

bool show_state(const std::string& program, const std::string& parent) {
    const Folder folder(parent);
    const Agent small(program, folder, "small", few);
    const Agent large(program, folder, "large", many);
    const auto per_register = [](std::uint64_t a, std::uint64_t b) {
        return static_cast<double>(b - a) / static_cast<double>(many - few);
    };
    fmt::print("register    {:.0f} bytes on the disk, {:.0f} in memory\n",
               per_register(small.stored(), large.stored()),
               per_register(small.memory(), large.memory()));

    auto real = node::RealWorld::make(io::Backend::automatic, [](const std::string&) {});
    auto url = remote::parse_url(small.url());
    CHECK(real && url);
    const auto peer = remote::find_peer(std::move(*url));
    CHECK(peer.has_value());
    const std::uint64_t before = small.memory();
    std::vector<remote::Connection> all;
    const bool fine = (*real)->run(greet_often((*real)->loop(), *peer, all));
    const std::uint64_t after = small.memory();
    fmt::print("agent       {:.2f} MiB with {} registers\n",
               static_cast<double>(before) / (1 << 20), few);
    fmt::print("connection  {:.0f} bytes in memory, idle ({} of them{})\n",
               static_cast<double>(after - before) / connections, all.size(),
               fine ? "" : "; the next one was refused");
    return fine;
}

}  // namespace diskpaxos::scale
