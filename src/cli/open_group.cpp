#include "cli/open_group.hpp"

#include <algorithm>

#include "cli/disk_names.hpp"
#include "cli/existing.hpp"

namespace diskpaxos::cli {

namespace {

Result<node::OpenOptions> options_of(const Invocation& call, Output& out, GroupWish wish) {
    const Result<Duration> timeout = call.timeout();
    if (!timeout) return std::unexpected(timeout.error());
    Result<node::NamedDisks> named = named_disks(call);
    if (!named) return std::unexpected(named.error());
    const Result<io::Backend> backend = call.backend();
    if (!backend) return std::unexpected(backend.error());
    node::OpenOptions options;
    if (call.has("slot")) {
        const Result<std::uint64_t> slot = call.number("slot", 0, 0, max_slots - 1);
        if (!slot) return std::unexpected(slot.error());
        options.slot = static_cast<std::uint32_t>(*slot);
    }
    options.disks = std::move(named->disks);
    options.group = named->group;
    options.access = wish.access;
    options.quorum = wish.quorum;
    options.timeout = *timeout;
    options.backend = *backend;
    options.warn = warn_to(out);
    return options;
}

}  // namespace

node::Warn warn_to(Output& out) {
    return [&out](const std::string& sentence) { out.warn(sentence); };
}

Result<std::unique_ptr<OpenGroup>> open_group(const Invocation& call, Output& out, GroupWish wish) {
    Result<node::OpenOptions> options = options_of(call, out, wish);
    if (!options) return std::unexpected(options.error());
    const std::vector<std::string> disks = options->disks;
    auto group = OpenGroup::open(std::move(*options));
    if (!group) return std::unexpected(with_content(group.error(), disks));
    return group;
}

Unused unused_disks(OpenGroup& group) {
    Unused unused;
    const Roster& roster = group.roster();
    for (const auto& disk : group.unopened()) unused.sentences.push_back(disk.error.sentence);
    for (const Aside& disk : roster.aside) {
        const bool adopted = std::ranges::find(roster.names, disk.name) != roster.names.end();
        if (!adopted) unused.sentences.push_back(disk.name + ": " + disk.why);
    }
    unused.is_the_absent_one = unused.sentences.size() == 1 && roster.only_missing();
    return unused;
}

Result<std::unique_ptr<OpenGroup>> join_group(const Invocation& call, Output& out,
                                              std::optional<Uuid> group_wish) {
    Result<node::OpenOptions> options = options_of(call, out, GroupWish{});
    if (!options) return std::unexpected(options.error());
    const std::vector<std::string> disks = options->disks;
    if (group_wish) options->group = group_wish;
    auto group = OpenGroup::join(std::move(*options));
    if (!group) return std::unexpected(with_content(group.error(), disks));
    return group;
}

}  // namespace diskpaxos::cli
