#include "cli/disk_names.hpp"

#include "cli/shell_word.hpp"
#include "node/group_file.hpp"

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

std::string each_disk(const std::vector<std::string>& disks) {
    std::string options;
    for (const std::string& disk : disks) options += " -d " + shell_word(disk);
    return options;
}

std::string same_disks(const Invocation& call) {
    std::string options = each_disk(call.all("disk"));
    if (options.empty() && call.has("group")) options = " -g " + shell_word(*call.text("group"));
    return options;
}

}  // namespace diskpaxos::cli
