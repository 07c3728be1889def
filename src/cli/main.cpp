// diskpaxos: one command with verbs. Every way out leads through here: an exit code of the table,
// and on stderr one sentence.
#include <algorithm>
#include <clocale>
#include <csignal>
#include <cstdio>
#include <exception>
#include <string>
#include <system_error>
#include <vector>

#include <fmt/format.h>

#include "cli/disk_names.hpp"
#include "cli/help.hpp"
#include "cli/invocation.hpp"
#include "cli/nearest.hpp"
#include "cli/output.hpp"
#include "cli/pasteable.hpp"
#include "cli/shell_word.hpp"
#include "cli/verbs.hpp"

namespace diskpaxos::cli {

namespace {

constexpr int internal_error = 70;  // EX_SOFTWARE

// Before anything is parsed: errors of the parsing itself obey it too.
bool wants_json(const std::vector<std::string>& words) {
    const auto end = std::ranges::find(words, "--");
    return std::find(words.begin(), end, "--json") != end;
}

// The same words, with the verb in front.
std::string reordered(std::vector<std::string> words) {
    const auto verb = std::ranges::find_if(
        words, [](const std::string& word) { return find_verb(word) != nullptr; });
    if (verb == words.end()) return "diskpaxos VERB [OPTIONS]";
    std::rotate(words.begin(), verb, verb + 1);
    std::string text = "diskpaxos";
    for (const std::string& word : words) text += " " + shell_word(word);
    return text;
}

std::unexpected<Error> no_verb(const std::vector<std::string>& words) {
    const std::string& word = words.front();
    if (word.size() > 1 && word.starts_with('-')) {
        return usage(fmt::format("options such as \"{}\" follow the verb, as in: {}", word,
                                 reordered(words)));
    }
    const std::string meant = did_you_mean(word, verb_names());
    return usage(fmt::format("there is no verb \"{}\"{}", word,
                             meant.empty() ? "; see \"diskpaxos help\"" : meant));
}

Result<int> run(std::vector<std::string> words, Output& out) {
    if (words.empty()) return usage("no verb is given; see \"diskpaxos help\"");
    std::string verb_name = words.front();
    if (verb_name == "--help" || verb_name == "-h") verb_name = "help";
    if (verb_name == "--version" || verb_name == "-V") verb_name = "version";
    const Verb* verb = find_verb(verb_name);
    if (verb == nullptr) return no_verb(words);
    words.erase(words.begin());
    const Result<Invocation> call = Invocation::parse(*verb, words);
    if (!call) return std::unexpected(call.error());
    if (call->has("help")) {
        show_help(*verb, out);
        return 0;
    }
    const std::string disks = same_disks(*call);
    // Asked for when a sentence is printed, which may be after the call is gone.
    const auto named = [verb, call = *call] {
        if (std::string_view(verb->name) == "dump") return each_disk(call.arguments());
        if (std::string_view(verb->name) == "format") return std::string();  // it speaks of itself
        const auto found = named_disks(call);
        return found ? each_disk(found->disks) : std::string();
    };
    out.rewrite_commands([disks, named](std::string_view text) { return pasteable(text, disks, named); });
    return verb->run(*call, out);
}

// A write that nobody reads, or that a limit forbids, is an error like any other. Caught, not
// ignored: what `run` starts has the signal as we were given it, for an execve forgets what was
// caught.
void survive_writing() {
    for (const int signal : {SIGPIPE, SIGXFSZ}) {
        struct sigaction action{};
        if (sigaction(signal, nullptr, &action) != 0 || action.sa_handler != SIG_DFL) continue;
        action.sa_handler = [](int) {};
        action.sa_flags = SA_RESTART;
        sigaction(signal, &action, nullptr);
    }
}

int guarded_run(std::vector<std::string> words, Output& out) {
    try {
        const Result<int> code = run(std::move(words), out);
        return code ? *code : out.fail(code.error());
    } catch (const std::system_error& error) {  // the kernel, or a filter, refuses what we need
        const bool full = error.code() == std::errc::too_many_files_open;
        return out.fail("io", std::string(error.what()) + (full ? "; raise ulimit -n" : ""),
                        exit_code(Code::io));
    } catch (const std::exception& error) {
        return out.fail("internal", error.what(), internal_error);
    }
}

}  // namespace

}  // namespace diskpaxos::cli

int main(int count, char** words) {
    using namespace diskpaxos::cli;
    const std::vector<std::string> all(words + std::min(count, 1), words + count);
    survive_writing();
    Output out(wants_json(all));
    return out.finish(guarded_run(all, out));
}
