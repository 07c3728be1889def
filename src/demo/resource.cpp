#include "demo/resource.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <fstream>
#include <string_view>

#include "base/check.hpp"

namespace diskpaxos::demo {

Resource::Resource(const std::string& path)
    : file_(open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0644)) {
    CHECK(file_ >= 0);
}

Resource::~Resource() {
    close(file_);
}

// One writer at a time: comparing and appending must be one step, or the comparison is worth
// nothing.
Resource::Answer Resource::write(std::uint64_t token, int pid) {
    CHECK(flock(file_, LOCK_EX) == 0);
    Answer answer;
    answer.largest = largest();
    answer.accepted = token >= answer.largest;
    if (answer.accepted) {
        const std::string line = fmt::format("{},{}\n", token, pid);
        CHECK(::write(file_, line.data(), line.size()) == static_cast<ssize_t>(line.size()));
    }
    CHECK(flock(file_, LOCK_UN) == 0);
    return answer;
}

// Tokens of accepted writes never fall: the last one is the largest.
std::uint64_t Resource::largest() const {
    std::array<char, 64> tail{};
    const off_t end = lseek(file_, 0, SEEK_END);
    const off_t from = std::max<off_t>(0, end - static_cast<off_t>(tail.size()));
    const ssize_t length = pread(file_, tail.data(), tail.size(), from);
    CHECK(length >= 0);
    std::string_view text(tail.data(), static_cast<std::size_t>(length));
    if (text.empty()) return 0;
    text.remove_suffix(1);
    text.remove_prefix(text.rfind('\n') + 1);  // of none: 0
    std::uint64_t token = 0;
    CHECK(std::from_chars(text.data(), text.data() + text.size(), token).ec == std::errc());
    return token;
}

std::vector<Resource::Line> Resource::lines(const std::string& path) {
    std::vector<Line> all;
    std::ifstream file(path);
    Line line;
    char comma = 0;
    while (file >> line.token >> comma >> line.pid) all.push_back(line);
    return all;
}

}  // namespace diskpaxos::demo
