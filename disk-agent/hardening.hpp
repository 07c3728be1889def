// What the process does to itself before it listens to anybody.
#pragma once

#include <cstdint>

namespace diskpaxos::agent {

// Its memory has keys: no core dump is made of it, and no other process of its user reads it. A
// reader that has gone does not end it, nor does a limit on the size of files. And 0, 1 and 2 are
// open, so that no disk gets such a number and with it what was meant for people.
void harden_process();

// Lets it have as many descriptors as it may; how many that is.
std::uint64_t raise_descriptor_limit();

// How many descriptors there are, as long as none was closed since.
std::uint64_t descriptors_in_use();

}  // namespace diskpaxos::agent
