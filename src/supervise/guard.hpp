// The guard: a small process between `run` and CMD that ends CMD in time, whatever becomes of
// `run`. It is forked before `run` has a loop, threads or disks, so it holds none of them, and may
// do after the fork what any program may.
//
// What must always hold: CMD and everything it started are killed at the deadline, also when `run`
// has died or stands still, and by the kernel when the guard dies. When `run` dies they are asked to
// end at once, and have for it what is left of the lease: others wait for that long anyway.
#pragma once

#include "supervise/post.hpp"

namespace diskpaxos {

[[noreturn]] void stand_guard(const Post& post);

}  // namespace diskpaxos
