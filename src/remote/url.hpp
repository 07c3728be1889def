// How a person names the store of an agent:
//
//   agent://HOST[:PORT]/[NAME][?key=FILE | ?cert=FILE&cert_key=FILE&ca=FILE]     port 4747
//   agent+unix:///PATH/TO/SOCKET[?store=NAME]
//
// Without a name it is the agent's only store. Nothing in a URL is escaped, and nothing is secret:
// keys are named by their files.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "net/address.hpp"
#include "net/keys.hpp"

namespace diskpaxos::remote {

inline constexpr std::uint16_t default_port = 4747;

struct Url {
    std::string name;  // as a person wrote it, without what follows the ?
    net::Address address;
    std::string store;
    std::string key_file;  // empty: not named
    std::optional<net::CertificateFiles> certificate;
};

bool is_url(std::string_view text);
Result<Url> parse_url(std::string_view text);

}  // namespace diskpaxos::remote
