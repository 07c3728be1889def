#include "lock/session_record.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace diskpaxos {

namespace {
constexpr std::size_t fixed = 60;
constexpr std::ptrdiff_t half_boot = 8;  // what is kept of the boot id beside the time of renewal
}

bool SessionRecord::leaves_unclean(std::uint32_t epoch) const {
    if (unclean == 0) return false;
    const std::uint32_t age = this->epoch() - epoch;  // modulo 2^32, as refs are
    return age != 0 && age <= opened - unclean;
}

Bytes encode(const SessionRecord& record, std::size_t capacity) {
    CHECK(capacity >= fixed);
    std::size_t room = std::min<std::size_t>(capacity - fixed, 2 * 255);
    const std::size_t host = std::min({record.host_name.size(), room, std::size_t{63}});
    room -= host;
    const std::size_t command = std::min({record.command.size(), room, std::size_t{255}});
    Bytes out(fixed + host + command);
    store(out, 0, static_cast<std::uint8_t>(record.state));
    store(out, 1, static_cast<std::uint8_t>(host));
    store(out, 2, static_cast<std::uint8_t>(command));
    store(out, 4, record.ttl_ms);
    store(out, 8, record.opened);
    store(out, 16, record.unclean);
    store(out, 24, record.since_ms);
    store(out, 32, record.pid);
    store(out, 36, record.margin_ms);
    std::ranges::copy(record.boot, out.begin() + 40);
    if (record.seen_ms != 0) {
        store(out, 3, std::uint8_t{1});
        store(out, 48, record.seen_ms);
    }
    store(out, 56, record.beat);
    std::ranges::copy(as_bytes(record.host_name).first(host), out.begin() + fixed);
    std::ranges::copy(as_bytes(record.command).first(command),
                      out.begin() + static_cast<std::ptrdiff_t>(fixed + host));
    return out;
}

std::optional<SessionRecord> decode_session(ByteView value) {
    if (value.size() < fixed) return std::nullopt;
    const auto state = load<std::uint8_t>(value, 0);
    const std::size_t host = load<std::uint8_t>(value, 1);
    const std::size_t command = load<std::uint8_t>(value, 2);
    if (state < 1 || state > 3 || value.size() != fixed + host + command) return std::nullopt;
    SessionRecord record;
    record.state = static_cast<SessionState>(state);
    record.ttl_ms = load<std::uint32_t>(value, 4);
    record.opened = load<std::uint64_t>(value, 8);
    record.unclean = load<std::uint64_t>(value, 16);
    record.since_ms = load<std::uint64_t>(value, 24);
    record.pid = load<std::uint32_t>(value, 32);
    record.margin_ms = load<std::uint32_t>(value, 36);
    std::ranges::copy(value.subspan(40, record.boot.size()), record.boot.begin());
    if (load<std::uint8_t>(value, 3) != 0) {
        std::fill(record.boot.begin() + half_boot, record.boot.end(), std::byte{0});
        record.seen_ms = load<std::uint64_t>(value, 48);
    }
    record.beat = load<std::uint32_t>(value, 56);
    record.host_name = as_text(value.subspan(fixed, host));
    record.command = as_text(value.subspan(fixed + host, command));
    if (record.ttl_ms == 0 || record.opened == 0 || record.unclean > record.opened) {
        return std::nullopt;
    }
    return record;
}

bool SessionRecord::is_of_boot(const Uuid& other) const {
    return std::equal(boot.begin(), boot.begin() + half_boot, other.begin());
}

std::string described(const SessionRecord& record) {
    const auto plain = [](std::string text) {
        for (char& c : text) {
            if (c < ' ' || c > '~') c = '?';
        }
        return text;
    };
    const std::string command =
        record.command.empty() ? "" : fmt::format(" (\"{}\")", plain(record.command));
    return fmt::format("host {}, pid {}{}", plain(record.host_name), record.pid, command);
}

std::string session_name(std::uint16_t slot) { return fmt::format("@session/{}", slot); }

}  // namespace diskpaxos
