// Messages: what the bodies of frames say, one pair of put and get per kind. put_… appends a whole
// frame to `out`; get_… reads a body and refuses whatever its kind does not allow. Views in what
// they return point into the body.
//
// Answers that say nothing but their status have no body: put_status, for any type.
#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <string_view>
#include <vector>

#include "base/rank.hpp"
#include "disk/disk.hpp"
#include "disk/sealed.hpp"
#include "wire/frame.hpp"

namespace diskpaxos::wire {

inline constexpr std::uint16_t version = 1;
inline constexpr std::uint64_t magic = 0x746e656741507844;  // "DxPAgent"
inline constexpr std::size_t longest_name = 255;            // of a store or register

// Features: bits of a hello and its answer. Either side leaves out those that it does not know.
//
//  feature_ceiling  the time stands in the welcome, and a step may be answered with the status `above`
//  feature_rights   the agent says when the rights of a client have changed: a frame of type
//                   rights, status ok and id `unasked`, as if it had been asked
inline constexpr std::uint64_t feature_ceiling = 1;
inline constexpr std::uint64_t feature_rights = 2;
inline constexpr std::uint64_t known_features = feature_ceiling | feature_rights;
inline constexpr std::uint64_t unasked = 0;  // such a client asks for nothing else under this id

// Before hello was answered nobody has agreed to more than this.
inline constexpr std::size_t largest_hello = 512;

struct Hello {
    std::uint16_t lowest = version;
    std::uint16_t highest = version;
    std::uint64_t features = known_features;
    std::string_view store;  // empty: the agent's only one
};

struct Welcome {  // the answer to a hello
    std::uint16_t version = wire::version;
    std::uint32_t block_size = 0;
    std::uint64_t blocks = 0;
    std::uint64_t features = 0;
    std::uint32_t largest_body = 0;  // in either direction
    std::uint32_t requests = 0;      // in flight at a time, watches not counted
    std::uint32_t watches = 0;
    std::uint32_t idle_ms = 0;  // after so long without a frame the connection ends; 0: never
    Uuid store{};
    std::uint64_t instance = 0;  // another one after every restart of the agent
    std::uint64_t time_ms = 0;   // feature_ceiling: the agent's time of day, unix ms; else not sent
    bool operator==(const Welcome&) const = default;
};

struct Write {
    std::uint64_t first = 0;
    ByteView blocks;
};

struct StepAsked {
    std::uint64_t block = 0;
    Rank rank;
    ByteView request;  // trimmed
};

struct Above {  // the answer to a step above the ceiling
    std::uint64_t limit = 0;  // the highest round that would have been let in
    ByteView block;           // as it stands, trimmed
};

struct WatchAsked {
    std::uint64_t block = 0;
    Rank rank;
};

struct Named {  // one register in the answer to a list
    std::uint64_t block = 0;
    std::string_view name;
    bool operator==(const Named&) const = default;
};

void put_hello(Bytes& out, std::uint64_t id, const Hello& hello);
void put_welcome(Bytes& out, std::uint64_t id, const Welcome& welcome);
void put_read(Bytes& out, std::uint64_t id, Extent blocks);
void put_write(Bytes& out, std::uint64_t id, std::uint64_t first, ByteView blocks);
void put_step(Bytes& out, std::uint64_t id, std::uint64_t block, Rank rank, ByteView request);
void put_watch(Bytes& out, std::uint64_t id, std::uint64_t block, Rank rank);
void put_list(Bytes& out, std::uint64_t id, Extent blocks);
void put_ping(Bytes& out, std::uint64_t id);
void put_rights(Bytes& out, std::uint64_t id);

void put_status(Bytes& out, Type type, Status status, std::uint64_t id);
void put_blocks(Bytes& out, std::uint64_t id, ByteView blocks);  // the answer to a read
// The answer to a step or watch: the whole block, which is trimmed here.
void put_block(Bytes& out, Type type, Status status, std::uint64_t id, ByteView block);
void put_above(Bytes& out, std::uint64_t id, std::uint64_t limit, ByteView block);

// What a client may do with registers of some prefix: one entry each in the answer to rights, in
// the place of a block's number.
enum Permission : std::uint64_t {
    may_read = 1,
    may_write = 2,
    may_create = 4,
    may_format = 8,  // whatever the prefix
};

// The answer to a list, or to rights, piece by piece; `next` is 0 when there is no more.
class ListWriter {
  public:
    ListWriter(Bytes& out, std::uint64_t id, Type type = Type::list);
    void add(std::uint64_t block, std::string_view name);
    std::size_t body_size() const { return out_.size() - at_ - head_size; }
    void end(std::uint64_t next);

  private:
    Bytes& out_;
    std::size_t at_;
};

template <class T>
using Got = std::expected<T, Flaw>;

struct Listed {
    std::uint64_t next = 0;
    std::vector<Named> registers;
};

Got<Hello> get_hello(ByteView body);
Got<Welcome> get_welcome(ByteView body);
Got<Extent> get_read(ByteView body);  // at least one block; the sum of both does not wrap round
Got<Write> get_write(ByteView body, std::size_t block_size);
Got<StepAsked> get_step(ByteView body, std::size_t block_size);
Got<Above> get_above(ByteView body, std::size_t block_size);
Got<WatchAsked> get_watch(ByteView body);
Got<Extent> get_list(ByteView body);
Got<void> get_nothing(ByteView body);
Got<Listed> get_listed(ByteView body);

}  // namespace diskpaxos::wire
