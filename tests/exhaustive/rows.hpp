// The rows of algorithms.md 14.4 that concern registers and cells, on our own code, and a few more.
#pragma once

#include <span>
#include <string_view>

#include "cluster.hpp"

namespace diskpaxos::exhaustive {

struct Row {
    std::string_view name;
    std::string_view rule;  // the rule that is broken or held, and where it stands
    bool safe = true;       // what the search must find
    Cluster cluster;
    std::string_view theirs;  // the verdict of algorithms.md
    bool soak = false;        // too long for every day
    bool slow_sanitized =
        true;  // and this one only with sanitizers: set for all but the small ones
};

std::span<const Row> rows();
const Row* find_row(std::string_view name);

}  // namespace diskpaxos::exhaustive
