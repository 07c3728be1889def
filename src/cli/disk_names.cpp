#include "cli/disk_names.hpp"

#include <fmt/format.h>

#include <boost/program_options.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace diskpaxos::cli {

namespace fs = std::filesystem;
namespace po = boost::program_options;

namespace {

std::string environment(const char* variable) {
    const char* value = std::getenv(variable);
    return value == nullptr ? "" : value;
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

Result<std::vector<std::string>> read_group_file(const fs::path& path) {
    std::ifstream file(path);
    if (!file) {
        return std::unexpected(Error{
            Code::permission, fmt::format("the group file {} cannot be read", path.string())});
    }
    po::options_description keys;
    keys.add_options()("disk", po::value<std::vector<std::string>>());
    po::variables_map values;
    try {
        po::store(po::parse_config_file(file, keys), values);
    } catch (const po::error& error) {
        return usage(fmt::format("the group file {} has {}; its lines are: disk = PATH",
                                 path.string(), error.what()));
    }
    if (values.count("disk") == 0) {
        return usage(fmt::format("the group file {} has no line: disk = PATH", path.string()));
    }
    std::vector<std::string> disks;
    for (const std::string& disk : values["disk"].as<std::vector<std::string>>()) {
        disks.push_back(disk.starts_with('/') ? disk : (path.parent_path() / disk).string());
    }
    return disks;
}

}  // namespace

bool names_disks(const Invocation& call) {
    return call.has("disk") || call.has("group") || !environment("DISKPAXOS_GROUP").empty();
}

Result<std::vector<std::string>> named_disks(const Invocation& call) {
    if (call.has("disk")) return call.all("disk");
    const std::string group = call.text("group").value_or(environment("DISKPAXOS_GROUP"));
    if (group.empty()) {
        return usage("no disks are named; use -d PATH for each disk, -g NAME, or $DISKPAXOS_GROUP");
    }
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

}  // namespace diskpaxos::cli
