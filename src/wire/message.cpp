#include "wire/message.hpp"

#include <algorithm>

#include "wire/trim.hpp"

namespace diskpaxos::wire {

namespace {

template <std::unsigned_integral T>
void add(Bytes& out, T value) {
    const std::size_t at = out.size();
    out.resize(at + sizeof(T));
    store<T>(out, at, value);
}

void add(Bytes& out, ByteView bytes) {
    out.insert(out.end(), bytes.begin(), bytes.end());
}

void add(Bytes& out, Rank rank) {
    add(out, rank.round);
    add(out, rank.proposer.value);
}

void add_name(Bytes& out, std::string_view name) {
    CHECK(name.size() <= longest_name);
    add(out, static_cast<std::uint8_t>(name.size()));
    add(out, as_bytes(name));
}

Rank rank_at(ByteView body, std::size_t offset) {
    return {load<std::uint64_t>(body, offset), Proposer(load<std::uint64_t>(body, offset + 8))};
}

void put_extent(Bytes& out, Type type, std::uint64_t id, Extent blocks) {
    CHECK(blocks.count <= 0xffff'ffff);
    const std::size_t at = begin_frame(out, type, Status::ok, id);
    add(out, blocks.first);
    add(out, static_cast<std::uint32_t>(blocks.count));
    add(out, std::uint32_t{0});
    end_frame(out, at);
}

Got<Extent> get_extent(ByteView body) {
    if (body.size() != 16) return std::unexpected(Flaw::length);
    if (load<std::uint32_t>(body, 12) != 0) return std::unexpected(Flaw::not_zero);
    const Extent blocks{load<std::uint64_t>(body, 0), load<std::uint32_t>(body, 8)};
    if (blocks.count == 0 || blocks.first + blocks.count < blocks.first) {
        return std::unexpected(Flaw::no_sense);
    }
    return blocks;
}

}  // namespace

void put_hello(Bytes& out, std::uint64_t id, const Hello& hello) {
    const std::size_t at = begin_frame(out, Type::hello, Status::ok, id);
    add(out, magic);
    add(out, hello.lowest);
    add(out, hello.highest);
    add(out, std::uint32_t{0});
    add(out, hello.features);
    add_name(out, hello.store);
    end_frame(out, at);
}

Got<Hello> get_hello(ByteView body) {
    constexpr std::size_t fixed = 25;
    if (body.size() < fixed) return std::unexpected(Flaw::length);
    if (load<std::uint64_t>(body, 0) != magic) return std::unexpected(Flaw::magic);
    if (load<std::uint32_t>(body, 12) != 0) return std::unexpected(Flaw::not_zero);
    if (body.size() != fixed + load<std::uint8_t>(body, 24)) return std::unexpected(Flaw::length);
    Hello hello;
    hello.lowest = load<std::uint16_t>(body, 8);
    hello.highest = load<std::uint16_t>(body, 10);
    hello.features = load<std::uint64_t>(body, 16);
    hello.store = as_text(body.subspan(fixed));
    if (hello.lowest > hello.highest) return std::unexpected(Flaw::no_sense);
    return hello;
}

void put_welcome(Bytes& out, std::uint64_t id, const Welcome& welcome) {
    const std::size_t at = begin_frame(out, Type::hello, Status::ok, id);
    add(out, welcome.version);
    add(out, std::uint16_t{0});
    add(out, welcome.block_size);
    add(out, welcome.blocks);
    add(out, welcome.features);
    add(out, welcome.largest_body);
    add(out, welcome.requests);
    add(out, welcome.watches);
    add(out, welcome.idle_ms);
    add(out, ByteView(welcome.store));
    add(out, welcome.instance);
    if ((welcome.features & feature_ceiling) != 0) add(out, welcome.time_ms);
    end_frame(out, at);
}

Got<Welcome> get_welcome(ByteView body) {
    constexpr std::size_t fixed = 64;
    if (body.size() < fixed) return std::unexpected(Flaw::length);
    const bool timed = (load<std::uint64_t>(body, 16) & feature_ceiling) != 0;
    if (body.size() != fixed + (timed ? 8 : 0)) return std::unexpected(Flaw::length);
    if (load<std::uint16_t>(body, 2) != 0) return std::unexpected(Flaw::not_zero);
    Welcome welcome;
    welcome.version = load<std::uint16_t>(body, 0);
    welcome.block_size = load<std::uint32_t>(body, 4);
    welcome.blocks = load<std::uint64_t>(body, 8);
    welcome.features = load<std::uint64_t>(body, 16);
    welcome.largest_body = load<std::uint32_t>(body, 24);
    welcome.requests = load<std::uint32_t>(body, 28);
    welcome.watches = load<std::uint32_t>(body, 32);
    welcome.idle_ms = load<std::uint32_t>(body, 36);
    std::ranges::copy(body.subspan(40, 16), welcome.store.begin());
    welcome.instance = load<std::uint64_t>(body, 56);
    if (timed) welcome.time_ms = load<std::uint64_t>(body, fixed);
    const bool usable = (welcome.block_size == 512 || welcome.block_size == 4096) &&
                        welcome.blocks > 0 && welcome.blocks <= ~std::uint64_t{0} / 4096 &&
                        welcome.requests > 0 && welcome.largest_body >= 64 + welcome.block_size;
    if (!usable) return std::unexpected(Flaw::no_sense);
    return welcome;
}

void put_read(Bytes& out, std::uint64_t id, Extent blocks) {
    put_extent(out, Type::read, id, blocks);
}
Got<Extent> get_read(ByteView body) {
    return get_extent(body);
}

void put_write(Bytes& out, std::uint64_t id, std::uint64_t first, ByteView blocks) {
    const std::size_t at = begin_frame(out, Type::write, Status::ok, id);
    add(out, first);
    add(out, blocks);
    end_frame(out, at);
}

Got<Write> get_write(ByteView body, std::size_t block_size) {
    if (body.size() < 8 + block_size || (body.size() - 8) % block_size != 0) {
        return std::unexpected(Flaw::length);
    }
    const Write write{load<std::uint64_t>(body, 0), body.subspan(8)};
    const std::uint64_t count = write.blocks.size() / block_size;
    if (write.first + count < write.first) return std::unexpected(Flaw::no_sense);
    return write;
}

void put_step(Bytes& out, std::uint64_t id, std::uint64_t block, Rank rank, ByteView request) {
    const std::size_t at = begin_frame(out, Type::step, Status::ok, id);
    add(out, block);
    add(out, rank);
    add(out, trimmed(request));
    end_frame(out, at);
}

Got<StepAsked> get_step(ByteView body, std::size_t block_size) {
    constexpr std::size_t fixed = 24;
    if (body.size() < fixed + header_size) return std::unexpected(Flaw::length);
    const StepAsked asked{load<std::uint64_t>(body, 0), rank_at(body, 8), body.subspan(fixed)};
    if (!may_untrim(asked.request, block_size)) return std::unexpected(Flaw::block);
    return asked;
}

void put_watch(Bytes& out, std::uint64_t id, std::uint64_t block, Rank rank) {
    const std::size_t at = begin_frame(out, Type::watch, Status::ok, id);
    add(out, block);
    add(out, rank);
    end_frame(out, at);
}

Got<WatchAsked> get_watch(ByteView body) {
    if (body.size() != 24) return std::unexpected(Flaw::length);
    return WatchAsked{load<std::uint64_t>(body, 0), rank_at(body, 8)};
}

void put_list(Bytes& out, std::uint64_t id, Extent blocks) {
    put_extent(out, Type::list, id, blocks);
}
Got<Extent> get_list(ByteView body) {
    return get_extent(body);
}

void put_ping(Bytes& out, std::uint64_t id) {
    put_status(out, Type::ping, Status::ok, id);
}

void put_rights(Bytes& out, std::uint64_t id) {
    put_status(out, Type::rights, Status::ok, id);
}

Got<void> get_nothing(ByteView body) {
    if (!body.empty()) return std::unexpected(Flaw::length);
    return {};
}

void put_status(Bytes& out, Type type, Status status, std::uint64_t id) {
    end_frame(out, begin_frame(out, type, status, id));
}

void put_blocks(Bytes& out, std::uint64_t id, ByteView blocks) {
    append_frame(out, {.type = Type::read, .status = Status::ok, .id = id, .body = blocks});
}

void put_block(Bytes& out, Type type, Status status, std::uint64_t id, ByteView block) {
    append_frame(out, {.type = type, .status = status, .id = id, .body = trimmed(block)});
}

void put_above(Bytes& out, std::uint64_t id, std::uint64_t limit, ByteView block) {
    const std::size_t at = begin_frame(out, Type::step, Status::above, id);
    add(out, limit);
    add(out, trimmed(block));
    end_frame(out, at);
}

Got<Above> get_above(ByteView body, std::size_t block_size) {
    constexpr std::size_t fixed = 8;
    if (body.size() < fixed) return std::unexpected(Flaw::length);
    const Above above{load<std::uint64_t>(body, 0), body.subspan(fixed)};
    if (!may_untrim(above.block, block_size)) return std::unexpected(Flaw::block);
    return above;
}

ListWriter::ListWriter(Bytes& out, std::uint64_t id, Type type)
    : out_(out), at_(begin_frame(out, type, Status::ok, id)) {
    wire::add(out_, std::uint64_t{0});
}

void ListWriter::add(std::uint64_t block, std::string_view name) {
    wire::add(out_, block);
    add_name(out_, name);
}

void ListWriter::end(std::uint64_t next) {
    store<std::uint64_t>(out_, at_ + head_size, next);
    end_frame(out_, at_);
}

Got<Listed> get_listed(ByteView body) {
    if (body.size() < 8) return std::unexpected(Flaw::length);
    Listed listed;
    listed.next = load<std::uint64_t>(body, 0);
    constexpr std::size_t fixed = 9;
    for (body = body.subspan(8); !body.empty();) {
        if (body.size() < fixed) return std::unexpected(Flaw::length);
        const std::size_t size = load<std::uint8_t>(body, 8);
        if (body.size() < fixed + size) return std::unexpected(Flaw::length);
        listed.registers.push_back(
            {load<std::uint64_t>(body, 0), as_text(body.subspan(fixed, size))});
        body = body.subspan(fixed + size);
    }
    return listed;
}

}  // namespace diskpaxos::wire
