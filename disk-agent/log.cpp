#include "disk-agent/log.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>
#include <utility>

namespace diskpaxos::agent {

namespace {

const char* words_of(Topic topic) {
    switch (topic) {
        case Topic::strangers:
            return "about strangers";
        case Topic::clients:
            return "about clients";
        case Topic::refusals:
            return "about what clients may not do";
        case Topic::limits:
            return "about limits";
        case Topic::comings:
            return "about clients that come or go";
    }
    UNREACHABLE();
}

std::string apology(unsigned left_out) {
    return log_line(Level::warning,
                    fmt::format("{} lines of this log could not be written here", left_out),
                    is_journal(2));
}

}  // namespace

std::string log_line(Level level, std::string_view sentence, bool to_journal, std::size_t longest) {
    std::string line = to_journal ? fmt::format("<{}>", static_cast<int>(level)) : "";
    line += "diskpaxos-agent: ";
    constexpr std::string_view cut = "...";
    std::size_t kept = line.size();  // if the line must be cut
    for (const char c : sentence) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte >= 0x20 && byte < 0x7f)
            line += c;
        else
            line += fmt::format("\\x{:02x}", byte);
        if (line.size() + cut.size() < longest) kept = line.size();
        if (line.size() >= longest) return line.substr(0, kept).append(cut) + "\n";
    }
    return line + "\n";
}

bool is_journal(int fd) {
    const char* stream = std::getenv("JOURNAL_STREAM");
    struct stat facts{};
    if (stream == nullptr || fstat(fd, &facts) != 0) return false;
    return fmt::format("{}:{}", facts.st_dev, facts.st_ino) == stream;
}

bool Log::Budget::spend(Instant now) {
    const auto grown = static_cast<std::uint64_t>((now - since) / pace);
    if (left + grown >= at_once) {
        left = at_once;
        since = now;
    } else {
        left += static_cast<unsigned>(grown);
        since += pace * static_cast<std::int64_t>(grown);
    }
    if (left == 0) return false;
    --left;
    return true;
}

Log::Log(Clock& clock, bool verbose, int fd)
    : clock_(clock), verbose_(verbose), to_journal_(is_journal(fd)), out_(fd, apology) {}

void Log::note(std::string_view sentence, Level level) {
    out_.write(log_line(level, sentence, to_journal_));
}

void Log::complain(Topic topic, std::string_view sentence, Level level) {
    Budget& budget = budgets_[static_cast<std::size_t>(topic)];
    if (budget.spend(clock_.now())) return note(sentence, level);
    ++budget.unsaid;
    left_out_.set();
}

void Log::detail(std::string_view sentence) {
    if (verbose_) complain(Topic::comings, sentence, Level::debug);
}

void Log::tell_left_out() {
    left_out_.reset();
    for (std::size_t i = 0; i < topics; ++i) {
        const unsigned unsaid = std::exchange(budgets_[i].unsaid, 0);
        if (unsaid == 0) continue;
        note(fmt::format("{} {} {} left out", unsaid, unsaid == 1 ? "more line" : "more lines",
                         fmt::format("{} {}", words_of(static_cast<Topic>(i)),
                                     unsaid == 1 ? "was" : "were")),
             Level::warning);
    }
}

}  // namespace diskpaxos::agent
