#include <fmt/format.h>

#include <algorithm>

#include "disk-agent/access.hpp"
#include "io/small_file.hpp"

namespace diskpaxos::agent {

namespace {

std::string_view stripped(std::string_view text) {
    const std::size_t first = text.find_first_not_of(" \t\r");
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

// NAME of "[client NAME]"; empty: it is something else.
std::string_view client_of(std::string_view line) {
    constexpr std::string_view begin = "[client ";
    if (!line.starts_with(begin) || !line.ends_with(']')) return {};
    line.remove_prefix(begin.size());
    line.remove_suffix(1);
    return stripped(line);
}

// What is wrong with such a line; empty: it was understood. No `*` at the end of a prefix: whoever
// writes one means a pattern, and as a prefix it would match nothing.
std::string give(Rights& rights, std::string_view key, std::string_view value) {
    const bool prefix = key == "read" || key == "write" || key == "create";
    if (prefix && value.size() > 1 && value.ends_with('*')) {
        value.remove_suffix(1);
        return fmt::format("it is a prefix and no pattern: write {} = {}", key,
                           value.substr(0, value.find('*')));
    }
    const std::string name(value == "*" ? "" : value);
    if (key == "read") {
        rights.read.push_back(name);
    } else if (key == "write") {
        rights.write.push_back(name);
    } else if (key == "create") {
        rights.create.push_back(name);
    } else if (key == "store" && !value.empty()) {
        rights.stores.emplace_back(value);
    } else if (key == "format" && (value == "yes" || value == "no")) {
        rights.format = value == "yes";
    } else {
        return "lines are read = PREFIX, write = PREFIX, create = PREFIX, format = yes or no, "
               "store = NAME";
    }
    return {};
}

std::unexpected<Error> wrong(const std::string& path, unsigned line, const std::string& what) {
    return std::unexpected(
        Error{Code::usage, fmt::format("line {} of the access file {}: {}", line, path, what)});
}

}  // namespace

Result<AccessRules> AccessRules::parse(std::string_view text, const std::string& path) {
    AccessRules rules;
    Rights* rights = nullptr;
    for (unsigned number = 1; !text.empty(); ++number) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        const std::string_view line = stripped(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
        if (line.empty() || line.front() == '#' || line.front() == ';') continue;
        if (line.front() == '[') {
            const std::string_view name = client_of(line);
            if (name.empty()) return wrong(path, number, "a section is \"[client NAME]\"");
            const auto [entry, fresh] = rules.clients_.try_emplace(std::string(name));
            if (!fresh) return wrong(path, number, fmt::format("a second section of {}", name));
            rights = &entry->second;
            continue;
        }
        if (rights == nullptr) return wrong(path, number, "it stands before any \"[client NAME]\"");
        const std::size_t equals = line.find('=');
        const std::string_view value =
            equals == std::string_view::npos ? "" : line.substr(equals + 1);
        const std::string_view key = equals == std::string_view::npos ? "" : line.substr(0, equals);
        const std::string flaw = give(*rights, stripped(key), stripped(value));
        if (!flaw.empty()) return wrong(path, number, flaw);
    }
    // A file that is being written is empty for a moment, and would shut everybody out.
    if (rules.clients_.empty()) {
        return std::unexpected(
            Error{Code::usage, fmt::format("the access file {} has no \"[client NAME]\"", path)});
    }
    return rules;
}

Result<AccessRules> AccessRules::read(const std::string& path) {
    const auto file = io::read_small_file(path, "the access file");
    if (!file) return std::unexpected(file.error());
    return parse(file->text, path);
}

const Rights* AccessRules::of(const std::string& client) const {
    const auto entry = clients_.find(client);
    return entry == clients_.end() ? nullptr : &entry->second;
}

}  // namespace diskpaxos::agent
