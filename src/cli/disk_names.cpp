#include "cli/disk_names.hpp"

#include "node/group_file.hpp"

namespace diskpaxos::cli {

bool names_disks(const Invocation& call) {
    return call.has("disk") || call.has("group") || !node::group_of_environment().empty();
}

Result<std::vector<std::string>> named_disks(const Invocation& call) {
    if (call.has("disk")) return call.all("disk");
    const std::string group = call.text("group").value_or(node::group_of_environment());
    if (!group.empty()) return node::disks_of_group(group);
    return usage("no disks are named; use -d PATH for each disk, -g NAME, or $DISKPAXOS_GROUP");
}

}  // namespace diskpaxos::cli
