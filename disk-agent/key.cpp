#include "disk-agent/key.hpp"

namespace diskpaxos::agent {

Result<net::PresharedKey> make_key(const std::string& identity, Random& random) {
    net::PresharedKey key;
    key.identity = identity;
    for (std::size_t i = 0; i < net::PresharedKey::least_bytes; ++i) {
        key.key.push_back(static_cast<std::byte>(random.bits(8)));
    }
    // Whatever is wrong with the name, the parser of key files knows it.
    auto parsed = net::parse_keys(net::format_key(key), "(none)");
    if (!parsed || parsed->size() != 1 || parsed->front().identity != identity) {
        return std::unexpected(Error{
            Code::usage, "the name of a key has 1 to 128 printable characters and no spaces"});
    }
    return key;
}

}  // namespace diskpaxos::agent
