// The rules of a lock, as pure functions of its record: who may take it, and what it says then.
//
// First come, first served, except that shared waiters pass together. The first in the queue
// takes a free lock itself; one that does not, because it is dead or slow, is passed over after a
// grace (`skip` counts those ahead whose grace is over). Safety needs none of this: whoever takes
// a lock does so by a change of its cell, and only where no holder stands in the way.
#pragma once

#include <optional>

#include "lock/lock_record.hpp"

namespace diskpaxos {

// Whether the holders there are leave room for one more of this mode.
bool compatible(const LockRecord& lock, LockMode mode);

const Holder* holding(const LockRecord& lock, const SessionRef& session);
std::optional<std::size_t> place(const LockRecord& lock, const SessionRef& session);

// How many in the queue stand between this session and the lock.
std::size_t ahead(const LockRecord& lock, const SessionRef& session, LockMode mode);

bool may_take(const LockRecord& lock, const SessionRef& session, LockMode mode, std::size_t skip);

// Gives it to the session, under a token larger than every earlier one; out of the queue go the
// session and those that were passed over.
void take(LockRecord& lock, const SessionRef& session, LockMode mode);

// At the end of the queue, unless it stands there already. An earlier session of the slot, which
// cannot wait any more, makes room.
void enqueue(LockRecord& lock, const SessionRef& session, LockMode mode);
bool leave_queue(LockRecord& lock, const SessionRef& session);

// The holding of exactly this token; false: it is not there any more.
bool release(LockRecord& lock, const SessionRef& session, std::uint64_t token);

// A holder whose session is over.
bool drop(LockRecord& lock, const SessionRef& session);

// In place: shared to exclusive only for the sole holder, which gets a new token; exclusive to
// shared always. False: others hold it too.
bool convert(LockRecord& lock, const SessionRef& session, LockMode mode);

}  // namespace diskpaxos
