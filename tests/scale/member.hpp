// One process of a group, and what its operations take.
#pragma once

#include <string>
#include <vector>

#include "async/timer.hpp"

namespace diskpaxos::scale {

using Disks = std::vector<std::string>;

// The same process again and again, on a cell that another one has changed before.
void use_cell(bool changing, Duration length, const Disks& disks);

// Each time a process that has not met the cell. Joining is not counted.
void change_cold(Duration length, const Disks& disks);

// Acquires and releases a lock.
void hold_lock(const std::string& name, Duration length, const Disks& disks);

}  // namespace diskpaxos::scale
