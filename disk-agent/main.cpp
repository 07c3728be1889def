// diskpaxos-agent: makes files and devices active disks. Every way out leads through here: an exit
// code of the table of errors, and on stderr one sentence.
#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <exception>

#include "disk-agent/hardening.hpp"
#include "disk-agent/log.hpp"
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
        if (!print(help)) return not_printed();
        return 0;
    }
    if (verb == "--version" || verb == "-V" || verb == "version") {
        if (!print(fmt::format("diskpaxos-agent {}\n", DISKPAXOS_VERSION))) return not_printed();
        return 0;
    }
    return usage(fmt::format("there is no verb \"{}\"; see \"diskpaxos-agent --help\"", verb));
}

// Long enough for a path or two; and whoever does not read it does not keep us here.
constexpr std::size_t longest_farewell = 16 * 1024;

int failed(const char* word, const std::string& sentence, int code) {
    io::LineWriter out(STDERR_FILENO);
    out.write(log_line(Level::error, fmt::format("{}: {}", word, sentence),
                       is_journal(STDERR_FILENO), longest_farewell));
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

bool print(const std::string& text) {
    const bool whole = std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
    return std::fflush(stdout) == 0 && whole;
}

std::unexpected<Error> not_printed() {
    return std::unexpected(
        Error{Code::io, "what was asked for could not be printed on the standard output"});
}

std::unexpected<Error> usage(std::string sentence) {
    return std::unexpected(Error{Code::usage, std::move(sentence)});
}

}  // namespace diskpaxos::agent

int main(int count, char** words) {
    diskpaxos::agent::harden_process();
    return diskpaxos::agent::guarded_run({words + (count > 0 ? 1 : 0), words + count});
}
