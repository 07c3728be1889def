// Agents: how the show uses diskpaxos-agent, which makes a file an active disk.
#pragma once

#include <optional>
#include <string>

#include "demo/play.hpp"
#include "diskpaxos/error.hpp"

namespace diskpaxos::demo {

// Beside this program, in the same build tree, or in $PATH.
Result<std::string> find_agent();

// Why a folder cannot hold the sockets of agents; nothing: it can.
std::optional<std::string> objection_to(const std::string& folder);

// Makes an empty store for a disk of this geometry. What the agent says goes to its log.
Result<void> create_store(const std::string& agent, const Store& store, const Geometry& geometry);

// Becomes the agent of this store; comes back only if that fails.
void become_agent(const std::string& agent, const Store& store);

// Whether somebody listens at its socket.
bool answers(const Store& store);

// Why it ended: the last line of its log.
std::string last_words(const Store& store);

}  // namespace diskpaxos::demo
