// Three disk agents of our own, each with a store in one folder that vanishes with them.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "system/child.hpp"

namespace diskpaxos::scale {

class Folder {
  public:
    explicit Folder(const std::string& parent);
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    ~Folder();
    std::string operator/(const std::string& name) const { return path_ + "/" + name; }

  private:
    std::string path_;
};

class Agent {
  public:
    // Makes a store of so many blocks and serves it at a UNIX socket.
    Agent(const std::string& program, const Folder& folder, const std::string& name,
          std::uint64_t blocks);
    Agent(const Agent&) = delete;
    Agent& operator=(const Agent&) = delete;
    ~Agent();

    std::string url() const { return "agent+unix://" + socket_; }
    std::uint64_t memory() const;  // bytes of its resident set
    std::uint64_t stored() const;  // bytes that its store takes on the disk

  private:
    std::string store_;
    std::string socket_;
    std::unique_ptr<Child> child_;
};

using Agents = std::vector<std::unique_ptr<Agent>>;

Agents start_agents(const std::string& program, const Folder& folder, std::uint64_t blocks);
std::vector<std::string> urls_of(const Agents& agents);

}  // namespace diskpaxos::scale
