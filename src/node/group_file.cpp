#include "node/group_file.hpp"

#include <fmt/format.h>
#include <uuid/uuid.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string_view>

#include "group/assemble.hpp"
#include "node/active_disk.hpp"

namespace diskpaxos::node {

namespace fs = std::filesystem;

namespace {

std::string environment(const char* variable) {
    const char* value = std::getenv(variable);
    return value == nullptr ? "" : value;
}

std::unexpected<Error> usage(std::string sentence) {
    return std::unexpected(Error{Code::usage, std::move(sentence)});
}

// With a slash or the ending .conf it is a file; otherwise a name that is looked for, last in the
// current folder: what lies there must not stand in for a group that this host knows.
Result<fs::path> find_group_file(const std::string& group) {
    const bool is_file = group.contains('/') || group.ends_with(".conf");
    std::vector<fs::path> candidates;
    if (is_file) {
        candidates = {group};
    } else {
        const std::string name = group + ".conf";
        if (const std::string home = environment("HOME"); !home.empty()) {
            candidates.push_back(fs::path(home) / ".config/diskpaxos" / name);
        }
        candidates.push_back(fs::path("/etc/diskpaxos") / name);
        candidates.emplace_back("./" + name);
    }
    std::string tried;
    for (const fs::path& candidate : candidates) {
        std::error_code ignored;
        if (fs::is_regular_file(candidate, ignored)) return candidate;
        tried += fmt::format("{}{}", tried.empty() ? "" : ", ", candidate.string());
    }
    return usage(fmt::format("there is no group file {}", tried));
}

bool is_control(char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7f;
}

std::string_view trimmed(std::string_view text) {
    const std::size_t first = text.find_first_not_of(" \t\r");
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

// Without its comment.
std::string_view content_of(std::string_view line) {
    for (std::size_t at = 0; (at = line.find('#', at)) != std::string_view::npos; ++at) {
        const bool begins = at == 0 || line[at - 1] == ' ' || line[at - 1] == '\t';
        if (begins) return trimmed(line.substr(0, at));
    }
    return trimmed(line);
}

struct Entry {
    std::string_view key;
    std::string_view value;
};

std::optional<Entry> entry_of(std::string_view text) {
    const std::size_t equals = text.find('=');
    if (equals == std::string_view::npos) return std::nullopt;
    const Entry entry{trimmed(text.substr(0, equals)), trimmed(text.substr(equals + 1))};
    if (entry.value.empty()) return std::nullopt;
    return entry;
}

std::string readable(std::string_view path) {
    std::string text;
    for (const char c : path) {
        const auto byte = static_cast<unsigned char>(c);
        text += is_control(c) ? fmt::format("\\x{:02x}", byte) : std::string(1, c);
    }
    return text;
}

// From the folder of the file, and without the dots that mean nothing.
std::string located(const fs::path& folder, std::string_view disk) {
    if (is_url(disk) || disk.starts_with('/')) return std::string(disk);
    fs::path path;
    for (const fs::path& part : folder / fs::path(disk)) {
        if (part != ".") path /= part;
    }
    return path.string();
}

Result<NamedDisks> parse(std::istream& file, const fs::path& path) {
    NamedDisks named;
    std::string line;
    for (unsigned number = 1; std::getline(file, line); ++number) {
        const std::string_view text = content_of(line);
        if (text.empty()) continue;
        const std::optional<Entry> entry = entry_of(text);
        const std::optional<Uuid> group =
            entry && entry->key == "group" ? parse_uuid(entry->value) : std::nullopt;
        const bool again = group && named.group && *named.group != *group;
        if (entry && entry->key == "disk") {
            named.disks.push_back(located(path.parent_path(), entry->value));
        } else if (group && !again) {
            named.group = group;
        } else {
            return usage(
                fmt::format("line {} of the group file {} is \"{}\"; its lines are: "
                            "disk = PATH, and one: group = UUID",
                            number, path.string(), text));
        }
    }
    if (named.disks.empty()) {
        return usage(fmt::format("the group file {} has no line: disk = PATH", path.string()));
    }
    return named;
}

}  // namespace

std::optional<Uuid> parse_uuid(std::string_view text) {
    Uuid uuid;
    const std::string whole(text);
    const int error = uuid_parse(whole.c_str(), reinterpret_cast<unsigned char*>(uuid.data()));
    return error == 0 ? std::optional(uuid) : std::nullopt;
}

std::string group_of_environment() {
    return environment("DISKPAXOS_GROUP");
}

Result<NamedDisks> disks_of_group(const std::string& group) {
    const Result<fs::path> path = find_group_file(group);
    if (!path) return std::unexpected(path.error());
    std::ifstream file(*path);
    if (!file) {
        return std::unexpected(Error{
            Code::permission, fmt::format("the group file {} cannot be read", path->string())});
    }
    return parse(file, *path);
}

Result<void> fits_group_file(const std::vector<std::string>& disks) {
    for (const std::string& disk : disks) {
        const bool control = std::ranges::any_of(disk, is_control);
        std::istringstream file(group_file_text("", Uuid{}, {disk}));
        const Result<NamedDisks> back = parse(file, "/x.conf");
        if (!control && back && back->disks == std::vector{disk}) continue;
        return usage(
            fmt::format("the path \"{}\" cannot stand in a group file: it must not hold control "
                        "characters, a blank before a #, or a blank at its end",
                        readable(disk)));
    }
    return {};
}

std::string group_file_text(const std::string& name, const Uuid& group,
                            const std::vector<std::string>& disks) {
    std::string text = fmt::format("# group {}\ngroup = {}\n", name, uuid_text(group));
    for (const std::string& disk : disks) text += fmt::format("disk = {}\n", disk);
    return text;
}

// As libiscsi writes it: iscsi://USER%PASSWORD@HOST/IQN/LUN.
bool holds_secret(const std::string& disk) {
    const std::size_t host = disk.find("://");
    if (host == std::string::npos) return false;
    const std::string_view authority =
        std::string_view(disk).substr(host + 3, disk.find('/', host + 3) - host - 3);
    const std::size_t at = authority.find('@');
    return at != std::string_view::npos && authority.substr(0, at).contains('%');
}

}  // namespace diskpaxos::node
