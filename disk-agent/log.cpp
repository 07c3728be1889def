#include "disk-agent/log.hpp"

#include <fmt/format.h>

#include <cstdio>

namespace diskpaxos::agent {

void Log::note(std::string_view sentence) {
    fmt::print(stderr, "diskpaxos-agent: {}\n", sentence);
}

void Log::detail(std::string_view sentence) {
    if (verbose_) note(sentence);
}

void Log::complain(std::string_view sentence) {
    const Instant now = clock_.now();
    if (now - since_ >= std::chrono::seconds(1)) {
        if (unsaid_ > 0) note(fmt::format("{} more complaints about clients", unsaid_));
        since_ = now;
        complaints_ = unsaid_ = 0;
    }
    if (complaints_ < most_complaints) {
        ++complaints_;
        note(sentence);
    } else {
        ++unsaid_;
    }
}

}  // namespace diskpaxos::agent
