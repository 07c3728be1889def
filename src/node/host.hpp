// Who this host is, to the slot table of one group. The machine id itself is never written to a
// disk: others could take it for their own purposes, so each group sees an id of its own.
#pragma once

#include <string>

#include "diskpaxos/error.hpp"
#include "group/claim.hpp"

namespace diskpaxos::node {

struct ThisHost {
    Host host;
    std::string note;  // empty, or why its slots will not be kept
};

// DISKPAXOS_MACHINE_ID and DISKPAXOS_BOOT_ID stand in for what the kernel and /etc/machine-id say:
// for containers that share a machine id, and for tests.
Result<ThisHost> this_host(const Uuid& group);

std::uint64_t unix_ms();

}  // namespace diskpaxos::node
