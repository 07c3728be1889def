// `version`: of the program, and of the disk format it writes.
#include <fmt/format.h>

#include "cli/output.hpp"
#include "cli/verbs.hpp"
#include "disk/superblock.hpp"

namespace diskpaxos::cli {

Result<int> run_version(const Invocation&, Output& out) {
    const std::string format = fmt::format("{}.{}", format_major, format_minor);
    out.line(fmt::format("diskpaxos {} (disk format {})", DISKPAXOS_VERSION, format));
    Json object;
    object["version"] = DISKPAXOS_VERSION;
    object["format"] = format;
    out.object(std::move(object));
    return 0;
}

}  // namespace diskpaxos::cli
