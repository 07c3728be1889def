// What `doctor` asks of the machine, whatever the disks.
#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "base/errno_text.hpp"
#include "cli/doctor.hpp"
#include "io/backend.hpp"
#include "node/host.hpp"
#include "node/machine_id.hpp"
#include "supervise/descendants.hpp"
#include "supervise/realtime.hpp"

namespace diskpaxos::cli {

namespace {

Finding io_uring() {
    const auto loop = io::make_loop(io::Backend::uring);
    if (loop) return {Health::ok, "io_uring", "", "available", ""};
    return {Health::warn, "io_uring", "", loop.error().sentence,
            "allow it; until then threads do the work, with more system calls"};
}

Finding machine_id() {
    const Result<node::ThisHost> host = node::this_host(Uuid{});
    if (!host) return {Health::fail, "machine_id", "", host.error().sentence, ""};
    if (!host->note.empty()) return {Health::warn, "machine_id", "", "none", host->note};
    const char* wish = std::getenv("DISKPAXOS_MACHINE_ID");
    const bool given = wish != nullptr && !node::plain_machine_id(wish).empty();
    return {Health::ok, "machine_id", "", given ? "from DISKPAXOS_MACHINE_ID" : "present", ""};
}

// Leases hang on a clock that neither jumps nor crawls.
Finding clock_source() {
    static constexpr std::array<std::string_view, 5> slow = {"jiffies", "refined-jiffies", "pit",
                                                             "acpi_pm", "hpet"};
    errno = 0;
    std::ifstream file("/sys/devices/system/clocksource/clocksource0/current_clocksource");
    std::string source;
    if (!std::getline(file, source)) {
        const bool own = is_own_fault(errno);
        return {Health::warn, "clock", "", "the clock source is not known",
                own ? errno_text(errno) : "mount /sys"};
    }
    if (std::ranges::find(slow, source) == slow.end()) return {Health::ok, "clock", "", source, ""};
    return {Health::warn, "clock", "", source + " is slow to read or coarse",
            "boot with clocksource=tsc if the processor's is stable"};
}

Finding locked_memory() {
    constexpr std::uint64_t enough = 64 * 1024;  // what rings cost where they count as locked
    rlimit limit{};
    if (getrlimit(RLIMIT_MEMLOCK, &limit) != 0) {
        return {Health::warn, "memlock", "", "the limit is not known", ""};
    }
    if (limit.rlim_cur == RLIM_INFINITY) return {Health::ok, "memlock", "", "unlimited", ""};
    const std::string amount = in_bytes(static_cast<double>(limit.rlim_cur));
    if (limit.rlim_cur >= enough) return {Health::ok, "memlock", "", amount, ""};
    return {Health::warn, "memlock", "", amount,
            "raise it (ulimit -l); kernels before 5.12 take "
            "the rings of io_uring from it"};
}

// By doing it: what limits, capabilities and control groups add up to, only the kernel knows.
std::vector<Finding> realtime() {
    const Realtime tried;
    const auto finding = [](const char* check, const Realtime::Grant& grant) {
        return grant.granted ? Finding{Health::ok, check, "", "permitted", ""}
                             : Finding{Health::warn, check, "", grant.refusal, grant.remedy};
    };
    return {finding("realtime", tried.scheduling()), finding("mlock", tried.memory())};
}

// `run` has to find everything that its command has started.
Finding descendants() {
    if (descendants_are_known()) return {Health::ok, "descendants", "", "listed by /proc", ""};
    return {Health::fail, "descendants", "", "/proc does not list the children of a process",
            "mount /proc, on a kernel with CONFIG_PROC_CHILDREN; \"run\" refuses without"};
}

Finding watchdogs() {
    std::string found;
    std::error_code ignored;
    for (const auto& entry : std::filesystem::directory_iterator("/dev", ignored)) {
        const std::string name = entry.path().filename();
        if (!name.starts_with("watchdog") || !entry.is_character_file(ignored)) continue;
        found += (found.empty() ? "" : ", ") + entry.path().string();
    }
    return {Health::ok, "watchdog", "", found.empty() ? "none" : found, ""};
}

}  // namespace

std::vector<Finding> examine_machine() {
    std::vector<Finding> findings = {io_uring(), machine_id(), clock_source(), locked_memory()};
    std::ranges::move(realtime(), std::back_inserter(findings));
    findings.push_back(descendants());
    findings.push_back(watchdogs());
    return findings;
}

}  // namespace diskpaxos::cli
