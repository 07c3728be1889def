// diskpaxos-agent: makes files and devices active disks. Every way out leads through here: an exit
// code of the table of errors, and on stderr one sentence.
#include <fmt/format.h>

#include <cstdio>
#include <exception>

#include "disk-agent/verbs.hpp"

namespace diskpaxos::agent {

namespace {

constexpr int internal_error = 70;  // EX_SOFTWARE

constexpr const char* help =
    R"(diskpaxos-agent: makes files and block devices active disks of diskpaxos

  diskpaxos-agent create PATH [--blocks N] [--block-size 512|4096] [--force]
      makes an empty store of a file, which is created if it is missing, or of a device
  diskpaxos-agent serve --store NAME=PATH ... [--unix PATH ...] [--listen HOST:PORT ...]
      serves stores; see "diskpaxos-agent serve --help"
  diskpaxos-agent check PATH
      reads a store that nobody serves, and says what is in it
  diskpaxos-agent --help | --version
)";

Result<int> run(Words words) {
    if (words.empty()) return usage("no verb is given; see \"diskpaxos-agent --help\"");
    const std::string verb = words.front();
    words.erase(words.begin());
    if (verb == "create") return run_create(words);
    if (verb == "serve") return run_serve(words);
    if (verb == "check") return run_check(words);
    if (verb == "--help" || verb == "-h" || verb == "help") {
        fmt::print("{}", help);
        return 0;
    }
    if (verb == "--version" || verb == "-V" || verb == "version") {
        fmt::print("diskpaxos-agent {}\n", DISKPAXOS_VERSION);
        return 0;
    }
    return usage(fmt::format("there is no verb \"{}\"; see \"diskpaxos-agent --help\"", verb));
}

int failed(const char* word, const std::string& sentence, int code) {
    fmt::print(stderr, "diskpaxos-agent: {}: {}\n", word, sentence);
    return code;
}

int guarded_run(Words words) {
    try {
        const Result<int> code = run(std::move(words));
        if (code) return *code;
        return failed(word(code.error().code), code.error().sentence, exit_code(code.error().code));
    } catch (const std::exception& error) {
        return failed("internal", error.what(), internal_error);
    }
}

}  // namespace

std::unexpected<Error> usage(std::string sentence) {
    return std::unexpected(Error{Code::usage, std::move(sentence)});
}

}  // namespace diskpaxos::agent

int main(int count, char** words) {
    return diskpaxos::agent::guarded_run({words + (count > 0 ? 1 : 0), words + count});
}
