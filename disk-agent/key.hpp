// A new key for a client of an agent.
#pragma once

#include <string>

#include "async/random.hpp"
#include "diskpaxos/error.hpp"
#include "net/keys.hpp"

namespace diskpaxos::agent {

// 32 random bytes under that name: one line for the key file of the client, and for the agent's.
Result<net::PresharedKey> make_key(const std::string& identity, Random& random);

}  // namespace diskpaxos::agent
