// Pre-shared keys and certificates: what proves to the other end who we are.
//
// A key file has lines `identity:hex`, at least 32 bytes of key; empty lines and what begins with
// # mean nothing. Whoever reads it can be us: one that others than its owner can read is refused.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "diskpaxos/error.hpp"

namespace diskpaxos::net {

// Names that an agent gives itself to clients without a key: `uid:N` at a UNIX socket, `loopback`.
// No key and no certificate may be for one.
bool is_reserved(std::string_view name);

struct PresharedKey {
    static constexpr std::size_t least_bytes = 32;
    static constexpr std::size_t most_bytes = 64;
    static constexpr std::size_t longest_identity = 128;

    std::string identity;
    Bytes key;
    bool operator==(const PresharedKey&) const = default;
};

struct CertificateFiles {  // paths of PEM files
    std::string certificate;
    std::string key;
    std::string authority;  // who signs those whom we believe
};

Result<std::vector<PresharedKey>> parse_keys(std::string_view text, const std::string& path);
Result<std::vector<PresharedKey>> read_keys(const std::string& path);
std::string format_key(const PresharedKey& key);  // one line, as read_keys() takes it

}  // namespace diskpaxos::net
