#include "diskpaxos/group.hpp"

#include <unistd.h>

#include <cerrno>

#include "api/strand.hpp"
#include "node/group_file.hpp"

namespace diskpaxos::api {

using library::Engine;
using library::Strand;

namespace {

std::unexpected<Error> usage(std::string sentence) {
    return std::unexpected(Error{Code::usage, std::move(sentence)});
}

io::Backend as_io_backend(Backend backend) {
    switch (backend) {
        case Backend::io_uring:
            return io::Backend::uring;
        case Backend::threads:
            return io::Backend::threads;
        case Backend::automatic:
            break;
    }
    return io::Backend::automatic;
}

Result<node::OpenOptions> understood(const Options& options) {
    node::OpenOptions result;
    if (options.timeout <= std::chrono::seconds(0) || options.timeout > std::chrono::hours(24)) {
        return usage("the time-out must be from 1 s to 24 h");
    }
    if (!options.disks.empty() && !options.group.empty()) {
        return usage("name the disks or their group, not both");
    }
    result.disks = options.disks;
    if (result.disks.empty()) {
        const std::string group =
            options.group.empty() ? node::group_of_environment() : options.group;
        if (group.empty()) return usage("no disks are named, and $DISKPAXOS_GROUP is not set");
        Result<node::NamedDisks> named = node::disks_of_group(group);
        if (!named) return std::unexpected(named.error());
        result.disks = std::move(named->disks);
        result.group = named->group;
    }
    result.timeout = options.timeout;
    result.backend = as_io_backend(options.backend);
    result.slot = options.slot;
    return result;
}

Task<Result<std::shared_ptr<library::Board>>> begin_session(Engine& engine, SessionOptions options,
                                                            Timeout timeout) {
    if (engine.has_session()) {
        co_return usage("this group has a session already; a group has one at a time");
    }
    SessionOwner owner;
    owner.host_name = engine.host().host.name;
    owner.boot = engine.host().host.boot;
    owner.pid = static_cast<std::uint32_t>(getpid());
    owner.command = options.command.empty() ? program_invocation_short_name : options.command;
    owner.since_ms = node::unix_ms();
    owner.time_of_day = node::unix_ms;
    std::optional<Duration> ttl;
    if (options.ttl != options.ttl.zero()) ttl = options.ttl;
    auto board = std::make_shared<library::Board>();
    board->changed = std::move(options.changed);
    const std::shared_ptr<library::Home> home = engine.add_home(board, std::move(owner), ttl);
    const Result<void> opened = co_await home->open(engine.deadline(timeout));
    if (opened) co_return board;
    engine.forget_home(board->number);
    co_return std::unexpected(opened.error());
}

using Beginning = library::Call<std::shared_ptr<library::Board>>;

Result<Beginning> beginning(SessionOptions options, Timeout timeout) {
    const bool fine =
        options.ttl == options.ttl.zero() ||
        (options.ttl >= std::chrono::seconds(1) && options.ttl <= std::chrono::hours(1));
    if (!fine) return usage("the TTL of a session must be from 1 s to 1 h");
    return [options = std::move(options), timeout](Engine& engine) {
        return begin_session(engine, options, timeout);
    };
}

}  // namespace

Result<Group> Group::open(Options options) {
    Result<node::OpenOptions> wish = understood(options);
    if (!wish) return std::unexpected(wish.error());
    std::vector<std::string> warnings;
    const bool at_once = options.callbacks == Callbacks::thread;
    auto strand = Strand::open(std::move(*wish), at_once, warnings);
    for (const std::string& sentence : warnings) {
        if (options.warn) options.warn(sentence);
    }
    if (!strand) return std::unexpected(strand.error());
    return Group(std::move(*strand));
}

void Group::close() {
    strand_->close();
}

const GroupFacts& Group::facts() const {
    return strand_->facts();
}

Cell Group::cell(std::string name) const {
    return Cell(strand_, std::move(name));
}

Result<Session> Group::open_session(SessionOptions options, Timeout timeout) const {
    const Result<Beginning> call = beginning(std::move(options), timeout);
    if (!call) return std::unexpected(call.error());
    const auto board = strand_->ask<std::shared_ptr<library::Board>>(*call);
    if (!board) return std::unexpected(board.error());
    return Session(std::make_shared<library::Life>(strand_, *board));
}

// An answer that waits to be dispatched must not keep the group open by itself.
Result<void> Group::open_session_async(SessionOptions options, Then<Session> then,
                                       Timeout timeout) const {
    const Result<Beginning> call = beginning(std::move(options), timeout);
    if (!call) return std::unexpected(call.error());
    const std::weak_ptr<Strand> weak = strand_;
    const auto answered = [weak, then](const Result<std::shared_ptr<library::Board>>& board) {
        if (!board) return then(std::unexpected(board.error()));
        const std::shared_ptr<Strand> strand = weak.lock();
        if (!strand) return then(std::unexpected(Error{Code::lost, "the group is closed"}));
        then(Session(std::make_shared<library::Life>(strand, *board)));
    };
    return strand_->tell<std::shared_ptr<library::Board>>(*call, answered);
}

int Group::fd() const {
    return strand_->fd();
}

std::size_t Group::dispatch() const {
    return strand_->dispatch();
}

}  // namespace diskpaxos::api
