// The C functions of groups.
#include <cstring>

#include "api/c.hpp"

using namespace diskpaxos;

namespace {

// What the caller's version of the structure has; the rest as we would have it.
Result<api::Options> understood(const diskpaxos_options* given) {
    diskpaxos_options wish = DISKPAXOS_OPTIONS_INIT;
    if (given != nullptr) {
        if (given->size < sizeof given->size || given->size > sizeof wish) {
            return std::unexpected(
                Error{Code::usage, "options.size is wrong; begin with DISKPAXOS_OPTIONS_INIT"});
        }
        std::memcpy(&wish, given, given->size);
    }
    const bool known = wish.backend >= DISKPAXOS_ANY_BACKEND && wish.backend <= DISKPAXOS_THREADS &&
                       wish.callbacks >= DISKPAXOS_DISPATCH &&
                       wish.callbacks <= DISKPAXOS_ON_THREAD;
    if (!known) {
        return std::unexpected(Error{Code::usage, "options.backend or options.callbacks is wrong"});
    }
    api::Options options;
    options.timeout = std::chrono::seconds(wish.timeout_s);
    if (wish.slot >= 0) options.slot = static_cast<std::uint32_t>(wish.slot);
    options.backend = static_cast<api::Backend>(wish.backend);
    options.callbacks = static_cast<api::Callbacks>(wish.callbacks);
    if (wish.warn != nullptr) {
        options.warn = [warn = wish.warn, context = wish.warn_context](
                           const std::string& sentence) { warn(context, sentence.c_str()); };
    }
    return options;
}

int open(api::Options options, diskpaxos_group** group) {
    Result<api::Group> opened = api::Group::open(std::move(options));
    if (!opened) return c::fail(opened.error());
    *group = new diskpaxos_group{std::move(*opened)};
    return c::done();
}

}  // namespace

int diskpaxos_group_open(const char* const* disks, size_t count, const diskpaxos_options* options,
                         diskpaxos_group** group) {
    if (count == 0 || disks == nullptr) return c::usage("no disks are named");
    Result<api::Options> wish = understood(options);
    if (!wish) return c::fail(wish.error());
    for (std::size_t i = 0; i < count; ++i) wish->disks.push_back(c::name_of(disks[i]));
    return open(std::move(*wish), group);
}

int diskpaxos_group_open_named(const char* name, const diskpaxos_options* options,
                               diskpaxos_group** group) {
    Result<api::Options> wish = understood(options);
    if (!wish) return c::fail(wish.error());
    if (name != nullptr) wish->group = name;
    return open(std::move(*wish), group);
}

void diskpaxos_group_close(diskpaxos_group* group) {
    if (group == nullptr) return;
    group->group.close();
    delete group;
}

const char* diskpaxos_group_name(const diskpaxos_group* group) {
    return group->group.facts().name.c_str();
}

const char* diskpaxos_group_uuid(const diskpaxos_group* group) {
    return group->group.facts().uuid.c_str();
}

uint32_t diskpaxos_group_slot(const diskpaxos_group* group) {
    return group->group.facts().slot;
}

uint32_t diskpaxos_group_ttl_ms(const diskpaxos_group* group) {
    return static_cast<uint32_t>(group->group.facts().ttl.count());
}

int diskpaxos_group_fd(const diskpaxos_group* group) {
    return group->group.fd();
}

size_t diskpaxos_dispatch(diskpaxos_group* group) {
    return group->group.dispatch();
}
