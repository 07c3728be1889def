// `agent key`: makes the key by which a client and the agents of its disks know each other.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "cli/invocation.hpp"
#include "cli/output.hpp"
#include "io/open_disk.hpp"
#include "net/keys.hpp"

namespace diskpaxos::cli {

namespace {

Result<net::PresharedKey> new_key(const std::string& name) {
    const bool fine =
        !name.empty() && name.size() <= net::PresharedKey::longest_identity &&
        std::ranges::all_of(name, [](char c) {
            return static_cast<unsigned char>(c) > 0x20 && c != 0x7f && c != ':' && c != '#';
        });
    if (!fine) {
        return usage(fmt::format("the name of a key has 1 to {} bytes, and neither blanks nor \":\" "
                                 "nor \"#\"",
                                 net::PresharedKey::longest_identity));
    }
    if (net::is_reserved(name)) {
        return usage(
            fmt::format("no key may be for \"{}\": an agent gives that name itself to "
                        "clients on its own host",
                        name));
    }
    net::PresharedKey key;
    key.identity = name;
    key.key.resize(net::PresharedKey::least_bytes);
    CHECK(getentropy(key.key.data(), key.key.size()) == 0);
    return key;
}

Error failed(const std::string& path, const char* what) {
    const int error = errno;
    const bool forbidden = error == EACCES || error == EPERM || error == EROFS;
    return {forbidden ? Code::permission : Code::io,
            fmt::format("{} cannot be {}: {}", path, what, std::strerror(error))};
}

// At the end of the file, which only its owner may read from the beginning on.
Result<void> add_to(const std::string& path, const net::PresharedKey& key) {
    struct stat status {};
    if (stat(path.c_str(), &status) == 0 && status.st_size > 0) {
        const auto present = net::read_keys(path);
        if (!present) return std::unexpected(present.error());
        if (std::ranges::count(*present, key.identity, &net::PresharedKey::identity) > 0) {
            return std::unexpected(Error{
                Code::no, fmt::format("{} has a key named \"{}\" already; remove that line first",
                                      path, key.identity)});
        }
    }
    const std::string line = net::format_key(key);
    const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    const io::Descriptor file(fd);
    if (fd < 0) return std::unexpected(failed(path, "opened"));
    const bool written = write(fd, line.data(), line.size()) == static_cast<ssize_t>(line.size());
    if (!written || fsync(fd) != 0) return std::unexpected(failed(path, "written"));
    return {};
}

}  // namespace

Result<int> run_agent(const Invocation& call, Output& out) {
    const Result<net::PresharedKey> key = new_key(call.arguments().front());
    if (!key) return std::unexpected(key.error());
    std::string line = net::format_key(*key);
    while (line.ends_with('\n')) line.pop_back();
    Json object;
    object["identity"] = key->identity;
    const std::optional<std::string> path = call.text("file");
    if (path) {
        if (auto fine = add_to(*path, *key); !fine) return std::unexpected(fine.error());
        out.line(fmt::format("key \"{}\" added to {}", key->identity, *path));
        object["file"] = *path;
        out.changed();
    } else {
        out.line(line);
        object["line"] = line;
    }
    out.object(std::move(object));
    return 0;
}

}  // namespace diskpaxos::cli
