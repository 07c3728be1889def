#include "cli/ask.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <iostream>

#include "cli/output.hpp"

namespace diskpaxos::cli {

Result<void> ask(const std::string& what, const Invocation& call) {
    if (call.has("force")) return {};
    if (isatty(STDIN_FILENO) != 1 || isatty(STDERR_FILENO) != 1) {
        return std::unexpected(
            Error{Code::no, what + "; nothing was done, --force does it without asking"});
    }
    fmt::print(stderr, "{}.\nType yes to go on: ", printable(what));
    std::fflush(stderr);
    std::string answer;
    std::getline(std::cin, answer);
    if (answer == "yes") return {};
    return std::unexpected(Error{Code::no, "the answer was not yes; nothing was done"});
}

}  // namespace diskpaxos::cli
