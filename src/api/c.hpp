// What the C functions share: handles, and errors as codes and sentences.
#pragma once

#include "diskpaxos/diskpaxos.h"
#include "diskpaxos/group.hpp"

struct diskpaxos_group {
    diskpaxos::api::Group group;
};
struct diskpaxos_session {
    diskpaxos::api::Session session;
};
struct diskpaxos_lock {
    diskpaxos::api::Lock lock;
};

namespace diskpaxos::c {

int code_of(Code code);
int fail(Error error);  // keeps the sentence for this thread
int usage(const char* sentence);
const char* keep(std::string sentence);
int done();  // DISKPAXOS_OK

template <class T>
int answer(const Result<T>& result) {
    return result ? done() : fail(result.error());
}

inline api::Timeout timeout(std::int64_t ms) {
    return api::Timeout(ms);
}
inline std::string bytes_of(const void* bytes, std::size_t size) {
    return size == 0 ? std::string() : std::string(static_cast<const char*>(bytes), size);
}
// No name at all is refused as an empty one: a bad argument, and no reason to abort.
inline std::string name_of(const char* name) { return name != nullptr ? name : ""; }
bool copy(const api::Value& value, diskpaxos_value& out);

// For callbacks: an answer without anything but how it went.
diskpaxos_answer empty_answer();
void give(diskpaxos_callback callback, void* context, const Error& error);
api::Then<void> calling(diskpaxos_callback callback, void* context);
api::Then<api::Value> calling_with_value(diskpaxos_callback callback, void* context, bool cas);
api::Then<std::uint64_t> calling_with_token(diskpaxos_callback callback, void* context);
api::Then<api::Session> calling_with_session(diskpaxos_callback callback, void* context);

}  // namespace diskpaxos::c
