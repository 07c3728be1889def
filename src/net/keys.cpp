#include "net/keys.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <optional>

#include "io/small_file.hpp"

namespace diskpaxos::net {

namespace {

std::optional<unsigned> digit(char c) {
    if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
    if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a' + 10);
    if (c >= 'A' && c <= 'F') return static_cast<unsigned>(c - 'A' + 10);
    return std::nullopt;
}

std::optional<Bytes> parse_hex(std::string_view hex) {
    if (hex.size() % 2 != 0) return std::nullopt;
    Bytes bytes;
    for (std::size_t i = 0; i < hex.size(); i += 2) {
        const auto high = digit(hex[i]);
        const auto low = digit(hex[i + 1]);
        if (!high || !low) return std::nullopt;
        bytes.push_back(static_cast<std::byte>(*high << 4 | *low));
    }
    return bytes;
}

bool printable(std::string_view text) {
    return std::ranges::all_of(text, [](char c) { return c > ' ' && c < 127; });
}

// What is wrong with a line, or its key.
std::expected<PresharedKey, const char*> parse_line(std::string_view line) {
    const std::size_t colon = line.rfind(':');
    if (colon == std::string_view::npos) return std::unexpected("it is not identity:hex");
    const std::string_view identity = line.substr(0, colon);
    if (identity.empty() || identity.size() > PresharedKey::longest_identity ||
        !printable(identity)) {
        return std::unexpected("an identity has 1 to 128 printable characters and no spaces");
    }
    if (is_reserved(identity)) {
        return std::unexpected("no key may be for loopback, or for a name that begins with uid:");
    }
    std::optional<Bytes> key = parse_hex(line.substr(colon + 1));
    if (!key) return std::unexpected("the key is not hexadecimal");
    if (key->size() < PresharedKey::least_bytes || key->size() > PresharedKey::most_bytes) {
        return std::unexpected("a key has 32 to 64 bytes, 64 to 128 hexadecimal digits");
    }
    return PresharedKey{std::string(identity), std::move(*key)};
}

}  // namespace

bool is_reserved(std::string_view name) {
    return name == "loopback" || name.starts_with("uid:");
}

Result<std::vector<PresharedKey>> parse_keys(std::string_view text, const std::string& path) {
    std::vector<PresharedKey> keys;
    for (std::size_t number = 1; !text.empty(); ++number) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        std::string_view line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        while (line.ends_with(' ') || line.ends_with('\r')) line.remove_suffix(1);
        if (line.empty() || line.starts_with('#')) continue;
        auto key = parse_line(line);
        if (!key) {
            return std::unexpected(Error{Code::usage, fmt::format("line {} of the key file {}: {}",
                                                                  number, path, key.error())});
        }
        if (std::ranges::find(keys, key->identity, &PresharedKey::identity) != keys.end()) {
            return std::unexpected(
                Error{Code::usage,
                      fmt::format("the key file {} has two keys of {}", path, key->identity)});
        }
        keys.push_back(std::move(*key));
    }
    if (keys.empty()) {
        return std::unexpected(Error{Code::usage, fmt::format("the key file {} has no key", path)});
    }
    return keys;
}

Result<std::vector<PresharedKey>> read_keys(const std::string& path) {
    const auto file = io::read_small_file(path, "the key file");
    if (!file) return std::unexpected(file.error());
    if ((file->mode & (S_IRWXG | S_IRWXO)) != 0) {
        return std::unexpected(Error{
            Code::permission,
            fmt::format("the key file {} is open to others than its owner; chmod 600 it", path)});
    }
    return parse_keys(file->text, path);
}

std::string format_key(const PresharedKey& key) {
    std::string line = key.identity + ":";
    for (const std::byte byte : key.key)
        line += fmt::format("{:02x}", std::to_integer<unsigned>(byte));
    return line + "\n";
}

}  // namespace diskpaxos::net
