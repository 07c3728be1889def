// House: one process of the crowd. Its clients come, do one to three operations on one cell, and
// leave for ever; some are killed in the middle of one. Each is a proposer of its own, with a group
// of its own; they share a loop, and the connections if they are told to.
#pragma once

#include <memory>
#include <vector>

#include "group/values.hpp"
#include "node/open_group.hpp"
#include "remote/agent_disk.hpp"
#include "scale/notes.hpp"

namespace diskpaxos::scale {

// Makes the agents a group with room for all names.
Geometry geometry_for(const Order& order);
void format(const std::vector<std::string>& urls, const Order& order);

class House {
  public:
    House(const std::vector<std::string>& urls, const Order& order, Notes& notes);

    void run();         // until no more clients come
    void read_names();  // writes down what each of them holds

  private:
    using Connections = std::vector<std::unique_ptr<remote::AgentDisk>>;

    Task<void> welcome_clients();
    Task<void> live(unsigned client);
    Task<void> read_some(unsigned first);
    Task<Result<Roster>> connect(Connections& connections);
    Task<void> act(Group& group, unsigned name, std::span<Note> notes);
    Task<Result<Named>> perform(Directory& directory, std::string name, sim::Operation asked);
    void conclude(Note& note, const Result<Named>& result);
    void fail(const Error& error);
    Instant in(Duration time) const { return real_->loop().now() + time; }
    std::uint64_t now() const {
        return static_cast<std::uint64_t>(real_->loop().now().time_since_epoch().count());
    }

    const std::vector<std::string>& urls_;
    const Order& order_;
    Notes& notes_;
    std::unique_ptr<node::OpenGroup> opened_;
    node::RealWorld* real_;
    SeededRandom random_;
};

}  // namespace diskpaxos::scale
