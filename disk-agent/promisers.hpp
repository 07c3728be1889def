// Promisers: which client has made the promise that stands in a register (agent-A1, docs/agent.md).
// In memory: 4 bytes for each block, and the names of the clients that have promised anything.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "disk-agent/store.hpp"

namespace diskpaxos::agent {

class Promisers {
  public:
    explicit Promisers(std::uint64_t blocks) : by_(blocks, nobody) {}

    // The promise that stands there now was made by this client. An empty name: by one that may
    // format, or by the agent itself.
    void made(std::uint64_t block, std::string_view client) {
        if (client.empty()) {
            by_[block] = nobody;
            return;
        }
        auto known = names_.find(client);
        if (known == names_.end()) {
            const auto number = static_cast<std::uint32_t>(names_.size() + 1);
            known = names_.emplace(std::string(client), number).first;
        }
        by_[block] = known->second;
    }

    // False also of a promise from before the agent started.
    bool is_of(std::uint64_t block, std::string_view client) const {
        const auto known = names_.find(client);
        return known != names_.end() && by_[block] == known->second;
    }

  private:
    static constexpr std::uint32_t nobody = 0;  // that we know
    std::vector<std::uint32_t> by_;
    std::map<std::string, std::uint32_t, std::less<>> names_;
};

// Before a step of a client that may not format is executed. At the rank of a promise that stands,
// only the client writes that has made it. For another, and where it is not known any more who has
// made it, the agent itself promises one round more. What is asked is then refused as every step
// below a promise, and an honest client begins anew. False: the promise could not be made.
bool hold_back(Store& store, Promisers& promisers, std::uint64_t number, ByteView request, Rank rank,
               std::string_view client);

}  // namespace diskpaxos::agent
