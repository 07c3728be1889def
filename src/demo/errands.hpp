// Errands: what the director has done by processes of their own, for a process with an event loop
// cannot be forked: making the group, and healing it.
#pragma once

#include "demo/play.hpp"
#include "diskpaxos/error.hpp"

namespace diskpaxos::demo {

// Creates the files of the passive disks, and says what shape all disks have. At once, no errand.
Result<Geometry> create_files(const Play& play);

// Makes the disks a group that belongs to this host.
Result<void> make_group(const Play& play, const Geometry& geometry);

// Heals what a majority can heal, and notes how far it got, disk `disk` being the damaged one.
// `to_the_end`: until every disk is sound; otherwise only once, whoever uses his slot.
Result<void> heal_group(const Play& play, std::size_t disk, bool to_the_end);

}  // namespace diskpaxos::demo
