// What processes of a test note of failed writes (docs/protocol.md, doubt-D1), in a folder of the
// test's own: no user's notes are touched.
#pragma once

namespace diskpaxos {

// As if T_ghost had passed: a failed write does not land any more. Only for disks that keep to that.
void forget_doubts();

}  // namespace diskpaxos
