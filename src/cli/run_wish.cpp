#include "cli/run_wish.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <csignal>

#include "cli/disk_names.hpp"
#include "group/directory.hpp"

namespace diskpaxos::cli {

namespace {

// The job control of our own shell, our own children, our own faults, and what cannot be caught.
constexpr std::array<int, 12> about_ourselves = {SIGKILL, SIGSTOP, SIGCHLD, SIGTTIN,
                                                 SIGTTOU, SIGTSTP, SIGSEGV, SIGBUS,
                                                 SIGFPE,  SIGILL,  SIGSYS,  SIGTRAP};

Result<void> take_times(const Invocation& call, RunWish& wish) {
    if (call.has("nonblock") && call.has("wait")) {
        return usage("-n and -w exclude each other: try once, or wait for a time");
    }
    if (call.has("nonblock")) wish.wait = Duration(0);
    if (call.text("wait")) {
        const Result<Duration> wait = parse_duration(*call.text("wait"), "--wait", Zero::allowed);
        if (!wait) return std::unexpected(wait.error());
        wish.wait = *wait;
    }
    if (call.text("ttl")) {
        const Result<Duration> ttl = parse_duration(*call.text("ttl"), "--ttl");
        if (!ttl) return std::unexpected(ttl.error());
        if (*ttl < std::chrono::seconds(1) || *ttl > std::chrono::hours(1)) {
            return usage("--ttl must be from 1s to 1h");
        }
        wish.ttl = *ttl;
    }
    const Result<Duration> timeout = call.timeout();
    if (!timeout) return std::unexpected(timeout.error());
    wish.timeout = *timeout;
    return {};
}

}  // namespace

Result<RunWish> run_wish(const Invocation& call) {
    RunWish wish;
    wish.lock = call.arguments().front();
    wish.command.assign(call.arguments().begin() + 1, call.arguments().end());
    wish.label = call.text("label").value_or(fmt::format("{}", fmt::join(wish.command, " ")));
    if (auto fine = Directory::check_name(wish.lock); !fine) return std::unexpected(fine.error());
    if (call.has("shared")) wish.mode = LockMode::shared;
    if (auto fine = take_times(call, wish); !fine) return std::unexpected(fine.error());
    const auto code = call.number("conflict-exit-code",
                                  static_cast<std::uint64_t>(exit_code(Code::busy)), 0, 255);
    if (!code) return std::unexpected(code.error());
    wish.busy_code = static_cast<int>(*code);
    wish.quiet = call.has("quiet");
    wish.watchdog = call.text("watchdog");
    wish.same_disks = same_disks(call);
    return wish;
}

std::vector<int> signals_for_command() {
    std::vector<int> heard;
    for (int signal = 1; signal <= SIGRTMAX; ++signal) {
        if (signal > SIGSYS && signal < SIGRTMIN) continue;  // the C library's own
        if (std::ranges::find(about_ourselves, signal) != about_ourselves.end()) continue;
        struct sigaction present{};
        const bool known = sigaction(signal, nullptr, &present) == 0;
        if (known && present.sa_handler != SIG_IGN) heard.push_back(signal);
    }
    return heard;
}

bool ends_by_default(int signal) {
    return signal != SIGWINCH && signal != SIGURG && signal != SIGCONT;
}

}  // namespace diskpaxos::cli
