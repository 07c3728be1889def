#include "wire/frame.hpp"

#include <algorithm>
#include <array>

#include "base/crc32c.hpp"

namespace diskpaxos::wire {

namespace {

constexpr std::size_t crc_at = 16;

std::uint32_t checksum(ByteView frame) {
    constexpr std::array<std::byte, 4> zero{};
    std::uint32_t crc = crc32c(frame.first(crc_at));
    crc = crc32c(zero, crc);
    return crc32c(frame.subspan(crc_at + zero.size()), crc);
}

std::optional<Flaw> flaw_of_head(ByteView head, std::size_t largest_body) {
    const auto type = load<std::uint8_t>(head, 4);
    const auto status = load<std::uint8_t>(head, 5);
    if (load<std::uint32_t>(head, 0) > largest_body) return Flaw::too_long;
    if (type < static_cast<std::uint8_t>(Type::hello) ||
        type > static_cast<std::uint8_t>(last_type)) {
        return Flaw::type;
    }
    if (status > static_cast<std::uint8_t>(last_status)) return Flaw::status;
    if (load<std::uint16_t>(head, 6) != 0 || load<std::uint32_t>(head, 20) != 0) {
        return Flaw::not_zero;
    }
    return {};
}

}  // namespace

const char* describe(Type type) {
    switch (type) {
        case Type::hello:
            return "hello";
        case Type::read:
            return "read";
        case Type::write:
            return "write";
        case Type::step:
            return "step";
        case Type::watch:
            return "watch";
        case Type::list:
            return "list";
        case Type::ping:
            return "ping";
        case Type::rights:
            return "rights";
    }
    UNREACHABLE();
}

const char* describe(Status status) {
    switch (status) {
        case Status::ok:
            return "ok";
        case Status::refused:
            return "refused";
        case Status::conflict:
            return "conflict";
        case Status::damaged:
            return "damaged";
        case Status::forbidden:
            return "forbidden";
        case Status::limit:
            return "limit";
        case Status::malformed:
            return "malformed";
        case Status::unknown_store:
            return "unknown store";
        case Status::failed:
            return "failed";
        case Status::out_of_range:
            return "out of range";
        case Status::version:
            return "no version in common";
        case Status::full:
            return "full";
        case Status::above:
            return "above the ceiling";
    }
    UNREACHABLE();
}

const char* describe(Flaw flaw) {
    switch (flaw) {
        case Flaw::too_long:
            return "a frame that is longer than agreed";
        case Flaw::checksum:
            return "a frame with a wrong checksum";
        case Flaw::type:
            return "a frame of an unknown type";
        case Flaw::status:
            return "a frame of an unknown status";
        case Flaw::not_zero:
            return "a frame with a field that is not zero";
        case Flaw::length:
            return "a body of a wrong length";
        case Flaw::magic:
            return "a hello of another protocol";
        case Flaw::block:
            return "a block that cannot be filled in";
        case Flaw::no_sense:
            return "a request that makes no sense";
    }
    UNREACHABLE();
}

std::size_t begin_frame(Bytes& out, Type type, Status status, std::uint64_t id) {
    const std::size_t at = out.size();
    out.resize(at + head_size);
    const ByteSpan head = ByteSpan(out).subspan(at);
    store<std::uint8_t>(head, 4, static_cast<std::uint8_t>(type));
    store<std::uint8_t>(head, 5, static_cast<std::uint8_t>(status));
    store<std::uint64_t>(head, 8, id);
    return at;
}

void end_frame(Bytes& out, std::size_t at) {
    const ByteSpan frame = ByteSpan(out).subspan(at);
    store<std::uint32_t>(frame, 0, static_cast<std::uint32_t>(frame.size() - head_size));
    store<std::uint32_t>(frame, crc_at, checksum(frame));
}

void append_frame(Bytes& out, const Frame& frame) {
    const std::size_t at = begin_frame(out, frame.type, frame.status, frame.id);
    out.insert(out.end(), frame.body.begin(), frame.body.end());
    end_frame(out, at);
}

std::expected<std::optional<Frame>, Flaw> decode_frame(ByteView bytes, std::size_t largest_body) {
    if (bytes.size() < head_size) return std::nullopt;
    if (const auto flaw = flaw_of_head(bytes, largest_body)) return std::unexpected(*flaw);
    const std::size_t size = head_size + load<std::uint32_t>(bytes, 0);
    if (bytes.size() < size) return std::nullopt;
    const ByteView whole = bytes.first(size);
    if (load<std::uint32_t>(whole, crc_at) != checksum(whole)) {
        return std::unexpected(Flaw::checksum);
    }
    Frame frame;
    frame.type = static_cast<Type>(load<std::uint8_t>(whole, 4));
    frame.status = static_cast<Status>(load<std::uint8_t>(whole, 5));
    frame.id = load<std::uint64_t>(whole, 8);
    frame.body = whole.subspan(head_size);
    return frame;
}

ByteSpan FrameReader::room(std::size_t least) {
    if (begin_ > 0 && memory_.size() - end_ < least) {
        std::copy(memory_.begin() + static_cast<std::ptrdiff_t>(begin_),
                  memory_.begin() + static_cast<std::ptrdiff_t>(end_), memory_.begin());
        end_ -= begin_;
        begin_ = 0;
    }
    if (memory_.size() - end_ < least) memory_.resize(end_ + least);
    return ByteSpan(memory_).subspan(end_);
}

void FrameReader::filled(std::size_t count) {
    CHECK(count <= memory_.size() - end_);
    end_ += count;
}

void FrameReader::feed(ByteView bytes) {
    std::ranges::copy(bytes, room(bytes.size()).begin());
    filled(bytes.size());
}

std::expected<std::optional<Frame>, Flaw> FrameReader::next() {
    auto frame = decode_frame(ByteView(memory_).subspan(begin_, end_ - begin_), largest_body_);
    if (!frame || !*frame) return frame;
    begin_ += (*frame)->size();
    if (begin_ == end_) begin_ = end_ = 0;
    return frame;
}

}  // namespace diskpaxos::wire
