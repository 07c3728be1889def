// Commands that sentences suggest, in a form that a person can paste: about the same disks.
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace diskpaxos::cli {

// `sentence` with `disks`, as in " -g demo", after the verb of each "diskpaxos VERB ..." in quotes,
// where that verb takes disks and none are named yet. `each`: the same disks without a group file,
// as in " -d a.img -d b.img", for the verb that makes groups.
std::string pasteable(std::string_view sentence, std::string_view disks,
                      const std::function<std::string()>& each);

}  // namespace diskpaxos::cli
