#include "node/host.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>
#include <uuid/uuid.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "base/errno_text.hpp"
#include "node/machine_id.hpp"

namespace diskpaxos::node {

namespace {

Uuid hashed(const Uuid& space, const std::string& text) {
    Uuid uuid;
    uuid_generate_sha1(reinterpret_cast<unsigned char*>(uuid.data()),
                       reinterpret_cast<const unsigned char*>(space.data()), text.data(),
                       text.size());
    return uuid;
}

// Empty where there is no such file. That one cannot be opened is no sign that it is not there: who
// took it for one would be another host.
Result<std::string> first_line(const char* path) {
    const int file = ::open(path, O_RDONLY | O_CLOEXEC);
    std::array<char, 256> text{};
    const ssize_t got = file < 0 ? -1 : read(file, text.data(), text.size());
    const int error = errno;
    if (file >= 0) close(file);
    if (got < 0 && (error == ENOENT || error == ENOTDIR)) return std::string();
    if (got < 0) {
        return std::unexpected(
            Error{Code::io, fmt::format("{} cannot be read: {}", path, errno_text(error))});
    }
    const std::string_view all(text.data(), static_cast<std::size_t>(got));
    return std::string(all.substr(0, all.find('\n')));
}

std::string from_environment(const char* variable) {
    const char* value = std::getenv(variable);
    return value == nullptr ? "" : value;
}

Result<std::string> boot_id() {
    const std::string given = from_environment("DISKPAXOS_BOOT_ID");
    if (!given.empty()) return given;
    constexpr const char* path = "/proc/sys/kernel/random/boot_id";
    Result<std::string> line = first_line(path);
    if (!line || !line->empty()) return line;
    return std::unexpected(Error{
        Code::io, fmt::format("there is no {} (is /proc mounted?); set DISKPAXOS_BOOT_ID", path)});
}

Result<std::string> machine_id() {
    const std::string given = plain_machine_id(from_environment("DISKPAXOS_MACHINE_ID"));
    if (!given.empty()) return given;
    for (const char* path : {"/etc/machine-id", "/var/lib/dbus/machine-id"}) {
        Result<std::string> line = first_line(path);
        if (!line) return line;
        *line = plain_machine_id(*line);
        if (!line->empty() && *line != "uninitialized") return line;
    }
    return std::string();
}

}  // namespace

Result<ThisHost> this_host(const Uuid& group) {
    const Result<std::string> boot = boot_id();
    if (!boot) return std::unexpected(boot.error());
    const Result<std::string> machine = machine_id();
    if (!machine) return std::unexpected(machine.error());
    ThisHost result;
    if (machine->empty()) {
        result.note =
            "there is no /etc/machine-id, so the slots of this host will not be kept "
            "across boots; run systemd-machine-id-setup or set DISKPAXOS_MACHINE_ID";
    }
    result.host.id = hashed(group, machine->empty() ? *boot : *machine);
    if (uuid_parse(boot->c_str(), reinterpret_cast<unsigned char*>(result.host.boot.data())) != 0) {
        result.host.boot = hashed(group, *boot);
    }
    std::array<char, 256> name{};
    if (gethostname(name.data(), name.size() - 1) == 0) result.host.name = name.data();
    result.host.now_ms = unix_ms();
    return result;
}

std::uint64_t unix_ms() {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::milliseconds>(now).count());
}

}  // namespace diskpaxos::node
