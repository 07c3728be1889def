// The C functions of cells.
#include <charconv>

#include "api/c.hpp"

using namespace diskpaxos;
using c::bytes_of;
using c::name_of;
using c::timeout;

namespace {

int give(const Result<api::Value>& result, diskpaxos_value* value) {
    if (!result) return c::fail(result.error());
    if (value == nullptr || c::copy(*result, *value)) return c::done();
    return c::fail({Code::bad_data, "the value is longer than any can be"});
}

}  // namespace

int diskpaxos_cell_get(diskpaxos_group* group, const char* name, int64_t timeout_ms,
                       diskpaxos_value* value) {
    return give(group->group.cell(name_of(name)).get(timeout(timeout_ms)), value);
}

int diskpaxos_cell_set(diskpaxos_group* group, const char* name, const void* bytes, size_t size,
                       int64_t timeout_ms, diskpaxos_value* value) {
    return give(group->group.cell(name_of(name)).set(bytes_of(bytes, size), timeout(timeout_ms)), value);
}

int diskpaxos_cell_cas(diskpaxos_group* group, const char* name, uint64_t version,
                       const void* bytes, size_t size, int64_t timeout_ms, diskpaxos_value* value) {
    const Result<api::Value> result = group->group.cell(name_of(name)).compare_and_swap(
        version, bytes_of(bytes, size), timeout(timeout_ms));
    const int code = give(result, value);
    if (code != DISKPAXOS_OK || result->applied) return code;
    return c::fail({Code::no, "the version is " + std::to_string(result->version)});
}

int diskpaxos_cell_incr(diskpaxos_group* group, const char* name, int64_t by, int64_t timeout_ms,
                        int64_t* sum) {
    const Result<api::Value> result = group->group.cell(name_of(name)).increment(by, timeout(timeout_ms));
    if (!result) return c::fail(result.error());
    if (!result->exact && sum != nullptr) {
        return c::fail({Code::applied,
                        "the sum was changed, but others followed at once, and what "
                        "this call made of it is not known"});
    }
    std::int64_t number = 0;
    const std::string& text = result->bytes;
    std::from_chars(text.data(), text.data() + text.size(), number);
    if (sum != nullptr) *sum = number;
    return c::done();
}

int diskpaxos_cell_remove(diskpaxos_group* group, const char* name, int64_t timeout_ms,
                          diskpaxos_value* value) {
    return give(group->group.cell(name_of(name)).remove(timeout(timeout_ms)), value);
}

int diskpaxos_propose(diskpaxos_group* group, const char* name, const void* bytes, size_t size,
                      int64_t timeout_ms, diskpaxos_value* value) {
    return give(group->group.cell(name_of(name)).propose(bytes_of(bytes, size), timeout(timeout_ms)), value);
}

int diskpaxos_cell_get_async(diskpaxos_group* group, const char* name, int64_t timeout_ms,
                             diskpaxos_callback callback, void* context) {
    return c::answer(group->group.cell(name_of(name)).get_async(
        c::calling_with_value(callback, context, false), timeout(timeout_ms)));
}

int diskpaxos_cell_set_async(diskpaxos_group* group, const char* name, const void* bytes,
                             size_t size, int64_t timeout_ms, diskpaxos_callback callback,
                             void* context) {
    return c::answer(group->group.cell(name_of(name)).set_async(
        bytes_of(bytes, size), c::calling_with_value(callback, context, false),
        timeout(timeout_ms)));
}

int diskpaxos_cell_cas_async(diskpaxos_group* group, const char* name, uint64_t version,
                             const void* bytes, size_t size, int64_t timeout_ms,
                             diskpaxos_callback callback, void* context) {
    return c::answer(group->group.cell(name_of(name)).compare_and_swap_async(
        version, bytes_of(bytes, size), c::calling_with_value(callback, context, true),
        timeout(timeout_ms)));
}

int diskpaxos_cell_incr_async(diskpaxos_group* group, const char* name, int64_t by,
                              int64_t timeout_ms, diskpaxos_callback callback, void* context) {
    return c::answer(group->group.cell(name_of(name)).increment_async(
        by, c::calling_with_value(callback, context, false), timeout(timeout_ms)));
}

int diskpaxos_cell_remove_async(diskpaxos_group* group, const char* name, int64_t timeout_ms,
                                diskpaxos_callback callback, void* context) {
    return c::answer(group->group.cell(name_of(name)).remove_async(
        c::calling_with_value(callback, context, false), timeout(timeout_ms)));
}

int diskpaxos_propose_async(diskpaxos_group* group, const char* name, const void* bytes,
                            size_t size, int64_t timeout_ms, diskpaxos_callback callback,
                            void* context) {
    return c::answer(group->group.cell(name_of(name)).propose_async(
        bytes_of(bytes, size), c::calling_with_value(callback, context, false),
        timeout(timeout_ms)));
}
