// Frame: one request or answer on a connection to a disk agent (disk-agent/PROTOCOL.md).
//
//   0 length u32 of the body · 4 type u8 · 5 status u8 · 6 zero u16 · 8 id u64
//   16 crc32c u32, over all of it with this field taken as zero · 20 zero u32 · 24 body
//
// Pure: bytes in, values out. Nothing that comes from outside is believed before it was checked.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>

#include "base/bytes.hpp"

namespace diskpaxos::wire {

inline constexpr std::size_t head_size = 24;

enum class Type : std::uint8_t {
    hello = 1,
    read = 2,
    write = 3,
    step = 4,
    watch = 5,
    list = 6,
    ping = 7,
    rights = 8,
};
inline constexpr Type last_type = Type::rights;

enum class Status : std::uint8_t {
    ok = 0,
    refused = 1,        // step: a higher rank has been here
    conflict = 2,       // step: another value was accepted under this rank
    damaged = 3,        // step, watch: what lies there is no block of this register
    forbidden = 4,      // this client may not do that here
    limit = 5,          // more than the agent has agreed to; ask again later
    malformed = 6,      // the request makes no sense; the connection ends
    unknown_store = 7,  // hello: no store of that name
    failed = 8,         // the store could not; what was asked may have happened
    out_of_range = 9,   // no such block
    version = 10,       // hello: no version in common
    full = 11,          // a watch too many
    above = 12,         // step: it promises more than the ceiling allows (feature_ceiling)
};
inline constexpr Status last_status = Status::above;

// What is wrong with bytes that should have been a frame or a body.
enum class Flaw : std::uint8_t {
    too_long,  // longer than agreed
    checksum,
    type,      // that nobody knows
    status,    // that nobody knows
    not_zero,  // a field that must be zero is not
    length,    // the body has another length than its kind allows
    magic,     // hello: this is no client of ours
    block,     // a trimmed block that cannot be filled in
    no_sense,  // fields that contradict each other
};

const char* describe(Type type);
const char* describe(Status status);
const char* describe(Flaw flaw);

struct Frame {
    Type type = Type::ping;
    Status status = Status::ok;
    std::uint64_t id = 0;
    ByteView body;

    std::size_t size() const { return head_size + body.size(); }
};

// Appends a frame to `out`: begin_frame, then the body, then end_frame, which seals it. `at` is
// what begin_frame has returned.
std::size_t begin_frame(Bytes& out, Type type, Status status, std::uint64_t id);
void end_frame(Bytes& out, std::size_t at);

// A whole frame in one go.
void append_frame(Bytes& out, const Frame& frame);

// The frame that `bytes` begin with; nothing if its end is not there yet. Its body points into
// `bytes`.
std::expected<std::optional<Frame>, Flaw> decode_frame(ByteView bytes, std::size_t largest_body);

// Frames out of a stream that comes in pieces. It keeps no more than one frame of the agreed size
// and what was fed along with its end.
class FrameReader {
  public:
    explicit FrameReader(std::size_t largest_body) : largest_body_(largest_body) {}

    void agree_on(std::size_t largest_body) { largest_body_ = largest_body; }

    // Room for at least so many bytes; then how many of them were filled.
    ByteSpan room(std::size_t least);
    void filled(std::size_t count);
    void feed(ByteView bytes);

    // The next whole frame, if there is one. It is good until the next call of any of these.
    std::expected<std::optional<Frame>, Flaw> next();

    std::size_t kept() const { return end_ - begin_; }  // bytes of frames not yet given out

  private:
    std::size_t largest_body_;
    Bytes memory_;
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
};

}  // namespace diskpaxos::wire
