// `cell`: get, set, cas, incr and rm of a small value.
#include <fmt/format.h>

#include "cli/invocation.hpp"
#include "cli/named_json.hpp"
#include "cli/open_group.hpp"
#include "group/values.hpp"

namespace diskpaxos::cli {

namespace {

struct Request {
    std::string word;  // get, set, cas, incr, rm
    std::string name;
    std::string value;
    std::uint64_t version = 0;
    std::int64_t by = 1;
};

Result<Request> understood(const Invocation& call) {
    const std::vector<std::string>& words = call.arguments();
    Request request;
    request.word = call.form().word;
    request.name = words[0];
    if (auto fine = Directory::check_name(request.name); !fine) {
        return std::unexpected(fine.error());
    }
    if (request.word == "set" || request.word == "cas") request.value = words.back();
    if (request.word == "cas") {
        const auto version = parse_number(words[1], "VERSION", 0, UINT64_MAX);
        if (!version) return std::unexpected(version.error());
        request.version = *version;
    }
    if (request.word == "incr" && words.size() == 2) {
        const auto by = parse_signed(words[1], "BY");
        if (!by) return std::unexpected(by.error());
        request.by = *by;
    }
    return request;
}

Task<Result<Named>> start(Directory& directory, const Request& request, Instant deadline) {
    if (request.word == "get") return directory.get(request.name, deadline);
    if (request.word == "set") return set_value(directory, request.name, request.value, deadline);
    if (request.word == "cas") {
        return compare_and_swap(directory, request.name, request.version, request.value, deadline);
    }
    if (request.word == "incr") return increment(directory, request.name, request.by, deadline);
    return remove_value(directory, request.name, deadline);
}

void show(const Request& request, const Named& named, Output& out) {
    if (request.word == "get" || request.word == "incr") {
        if (has_value(named.state)) out.line(as_text(named.value));
    } else {
        out.line(fmt::format("{}", named.version));
    }
    Json object = named_json(request.name, named);
    if (request.word == "get") {  // it changes nothing
        object.erase("applied");
        object.erase("exact");
    }
    out.object(std::move(object));
}

}  // namespace

Result<int> run_cell(const Invocation& call, Output& out) {
    const Result<Request> request = understood(call);
    if (!request) return std::unexpected(request.error());
    auto group = join_group(call, out);
    if (!group) return std::unexpected(group.error());
    Directory directory((*group)->group());
    const Result<Named> named = (*group)->run(start(directory, *request, (*group)->deadline()));
    if (!named) return std::unexpected(named.error());
    if (named->applied) out.changed();
    if (!named->exact) {
        return std::unexpected(
            Error{Code::applied,
                  fmt::format("\"{}\" was changed, but others followed at once, and what this "
                              "call made of it is not known; do not repeat it",
                              request->name)});
    }
    show(*request, *named, out);
    if (request->word != "cas" || named->applied) return 0;
    out.complain(word(Code::no), fmt::format("the version of \"{}\" is {}, not {}", request->name,
                                             named->version, request->version));
    return exit_code(Code::no);
}

}  // namespace diskpaxos::cli
