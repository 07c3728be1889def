// diskpaxos-agent: makes files and devices active disks. Every way out leads through here: an exit
// code of the table of errors, and on stderr one sentence.
#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <exception>

#include "cli/help_text.hpp"
#include "disk-agent/hardening.hpp"
#include "disk-agent/log.hpp"
#include "disk-agent/verbs.hpp"

namespace diskpaxos::agent {

namespace {

constexpr int internal_error = 70;  // EX_SOFTWARE

Result<int> run(Words words) {
    if (words.empty()) return usage("no verb is given; see \"diskpaxos-agent help\"");
    std::string name = words.front();
    words.erase(words.begin());
    if (name == "--help" || name == "-h") name = "help";
    if (name == "--version" || name == "-V") name = "version";
    const AgentVerb* verb = find_verb(name);
    if (verb == nullptr) return no_verb(name);
    const auto call = cli::Invocation::parse(verb->words, words);
    if (!call) return std::unexpected(call.error());
    if (!call->has("help")) return verb->run(*call);
    if (!print(cli::help_text(verb->words) + '\n')) return not_printed();
    return 0;
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

}  // namespace diskpaxos::agent

int main(int count, char** words) {
    diskpaxos::agent::harden_process();
    return diskpaxos::agent::guarded_run({words + (count > 0 ? 1 : 0), words + count});
}
