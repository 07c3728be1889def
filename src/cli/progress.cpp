#include "cli/progress.hpp"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "cli/output.hpp"

namespace diskpaxos::cli {

namespace {

constexpr auto between_frames = std::chrono::milliseconds(100);

std::size_t terminal_width() {
    winsize size{};
    const bool known = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
    return known ? size.ws_col : 80;
}

}  // namespace

std::string progress_figures(std::uint64_t done, std::uint64_t announced, double seconds) {
    const std::uint64_t total = std::max(announced, done);
    const double rate = static_cast<double>(done) / std::max(seconds, 1e-3);
    const double left = rate > 0 ? static_cast<double>(total - done) / rate : 0;
    return fmt::format("{:3}% {} of {}, {}/s, {:.0f} s left",
                       done * 100 / std::max<std::uint64_t>(total, 1),
                       in_bytes(static_cast<double>(done)), in_bytes(static_cast<double>(total)),
                       in_bytes(rate), left);
}

Progress::Progress(std::uint64_t total, bool wanted)
    : total_(total), visible_(wanted && isatty(STDERR_FILENO) == 1) {}

Progress::~Progress() {
    if (drawn_) std::fputs("\r\033[K", stderr);
}

void Progress::show(std::uint64_t done) {
    const Time::time_point now = Time::now();
    if (!visible_ || (now - last_ < between_frames && done < total_)) return;
    last_ = now;
    const double seconds = std::chrono::duration<double>(now - start_).count();
    const std::string figures = " " + progress_figures(done, total_, seconds);
    const std::size_t width = terminal_width();
    const std::size_t bar = width > figures.size() + 12 ? width - figures.size() - 3 : 0;
    const std::size_t filled = bar * done / std::max({total_, done, std::uint64_t{1}});
    std::string line = "\r\033[K";
    if (bar > 0) line += fmt::format("[{:<{}}]", std::string(filled, '#'), bar);
    line += figures.substr(0, width - 1);
    std::fputs(line.c_str(), stderr);
    std::fflush(stderr);
    drawn_ = true;
}

}  // namespace diskpaxos::cli
