#include "demo/judge.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "sim/linearizable.hpp"

namespace diskpaxos::demo {

Violations judge_holdings(const std::vector<Holding>& holdings) {
    Violations violations;
    for (std::size_t i = 1; i < holdings.size(); ++i) {
        const Holding& before = holdings[i - 1];
        const Holding& after = holdings[i];
        if (after.from < before.until) {
            violations.push_back(
                fmt::format("processes {} and {} held the lock at the same time, tokens {} and {}",
                            before.process + 1, after.process + 1, before.token, after.token));
        }
        if (after.token <= before.token) {
            violations.push_back(
                fmt::format("token {} of process {} does not exceed token {} of process {}",
                            after.token, after.process + 1, before.token, before.process + 1));
        }
    }
    return violations;
}

Violations judge_writes(const std::vector<Resource::Line>& writes, const Recording& recording) {
    std::map<std::uint64_t, std::int32_t> holder;
    for (const Event& event : recording.events) {
        if (event.what == Happening::holding) holder[event.token] = event.pid;
    }
    Violations violations;
    std::uint64_t largest = 0;
    for (const Resource::Line& line : writes) {
        if (line.token < largest) {
            violations.push_back(
                fmt::format("the resource accepted token {} after token {}", line.token, largest));
        }
        largest = std::max(largest, line.token);
        const auto found = holder.find(line.token);
        if (found == holder.end() || found->second != line.pid) {
            violations.push_back(fmt::format("pid {} wrote under token {}, which it never held",
                                             line.pid, line.token));
        }
    }
    return violations;
}

Violations judge_silence(const Recording& recording, Duration moment) {
    Violations violations;
    for (const Interval& interval : without_majority(recording)) {
        const auto within = [&](Instant at) {
            return at > interval.from + moment && at < interval.until;
        };
        for (const Event& event : recording.events) {
            const bool decides = event.what == Happening::holding ||
                                 event.what == Happening::joined || event.what == Happening::wrote;
            if (!decides || !within(event.at)) continue;
            violations.push_back(fmt::format(
                "process {} {} without a majority, {:.0f} ms after it "
                "was lost",
                event.subject + 1, describe(event.what),
                std::chrono::duration<double, std::milli>(event.at - interval.from).count()));
        }
        for (const sim::Operation& operation : recording.operations) {
            if (operation.fate != sim::Operation::Fate::happened) continue;
            const Instant end(Duration(static_cast<std::int64_t>(operation.end)));
            if (!within(end)) continue;
            violations.push_back(
                fmt::format("process {} was told of an operation without a "
                            "majority",
                            operation.process + 1));
        }
    }
    return violations;
}

Violations judge_operations(const std::vector<sim::Operation>& operations) {
    if (sim::linearizable(operations)) return {};
    return {
        fmt::format("the {} operations on the counter are not linearizable", operations.size())};
}

}  // namespace diskpaxos::demo
