#include "cli/disk_names.hpp"

namespace diskpaxos::cli {

bool names_disks(const Invocation& call) {
    return call.has("disk") || call.has("group") || !node::group_of_environment().empty();
}

Result<node::NamedDisks> named_disks(const Invocation& call) {
    if (call.has("disk")) {
        return node::NamedDisks{.disks = call.all("disk"), .group = std::nullopt};
    }
    const std::string group = call.text("group").value_or(node::group_of_environment());
    if (!group.empty()) return node::disks_of_group(group);
    return usage("no disks are named; use -d PATH for each disk, -g NAME, or $DISKPAXOS_GROUP");
}

}  // namespace diskpaxos::cli
