#include "node/group_file.hpp"

#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string_view>

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

// With a slash or the ending .conf it is a file; otherwise a name that is looked for.
Result<fs::path> find_group_file(const std::string& group) {
    const bool is_file = group.contains('/') || group.ends_with(".conf");
    std::vector<fs::path> candidates;
    if (is_file) {
        candidates = {group};
    } else {
        const std::string name = group + ".conf";
        candidates.push_back(fs::path(".") / name);
        if (const std::string home = environment("HOME"); !home.empty()) {
            candidates.push_back(fs::path(home) / ".config/diskpaxos" / name);
        }
        candidates.push_back(fs::path("/etc/diskpaxos") / name);
    }
    std::string tried;
    for (const fs::path& candidate : candidates) {
        std::error_code ignored;
        if (fs::is_regular_file(candidate, ignored)) return candidate;
        tried += fmt::format("{}{}", tried.empty() ? "" : ", ", candidate.string());
    }
    return usage(fmt::format("there is no group file {}", tried));
}

std::string_view trimmed(std::string_view text) {
    const std::size_t first = text.find_first_not_of(" \t\r");
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

// PATH of the line "disk = PATH"; none if it is something else.
std::optional<std::string_view> disk_of(std::string_view line) {
    const std::size_t equals = line.find('=');
    if (equals == std::string_view::npos) return std::nullopt;
    const std::string_view path = trimmed(line.substr(equals + 1));
    if (trimmed(line.substr(0, equals)) != "disk" || path.empty()) return std::nullopt;
    return path;
}

Result<std::vector<std::string>> read_group_file(const fs::path& path) {
    std::ifstream file(path);
    if (!file) {
        return std::unexpected(Error{
            Code::permission, fmt::format("the group file {} cannot be read", path.string())});
    }
    std::vector<std::string> disks;
    std::string line;
    for (unsigned number = 1; std::getline(file, line); ++number) {
        const std::string_view text = trimmed(std::string_view(line).substr(0, line.find('#')));
        if (text.empty()) continue;
        const std::optional<std::string_view> disk = disk_of(text);
        if (!disk) {
            return usage(
                fmt::format("line {} of the group file {} is \"{}\"; its lines are: "
                            "disk = PATH",
                            number, path.string(), text));
        }
        const bool whole = is_url(*disk);  // neither URLs nor absolute paths depend on the folder
        disks.push_back(whole ? std::string(*disk) : (path.parent_path() / fs::path(*disk)).string());
    }
    if (disks.empty()) {
        return usage(fmt::format("the group file {} has no line: disk = PATH", path.string()));
    }
    return disks;
}

}  // namespace

std::string group_of_environment() {
    return environment("DISKPAXOS_GROUP");
}

Result<std::vector<std::string>> disks_of_group(const std::string& group) {
    const Result<fs::path> file = find_group_file(group);
    if (!file) return std::unexpected(file.error());
    return read_group_file(*file);
}

std::string group_file_text(const std::string& group, const std::string& uuid,
                            const std::vector<std::string>& disks) {
    std::string text = fmt::format("# group {}, {}\n", group, uuid);
    for (const std::string& disk : disks) text += fmt::format("disk = {}\n", disk);
    return text;
}

}  // namespace diskpaxos::node
