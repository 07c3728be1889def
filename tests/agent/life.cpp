#include "agent/life.hpp"

#include "disk/block.hpp"

namespace diskpaxos::agent {

namespace {

constexpr int steps_of_a_client = 120;

BlockAddress address_of_cell(std::uint64_t number) {
    return {.kind = BlockKind::cell, .cell = static_cast<std::uint32_t>(number)};
}

}  // namespace

StoreHeader small_store(std::uint32_t block_size) {
    StoreHeader header;
    header.block_size = block_size;
    header.blocks = stepped_blocks + raw_blocks;
    header.journal_units = least_journal_units;
    header.tag = 99;
    return header;
}

Bytes created(const StoreHeader& header) {
    TestWorld world;
    CrashDisk disk(world.queue, world.random, Bytes(header.units() * unit_size));
    CHECK(world.run(create(disk, header)));
    const ByteView media = disk.media();
    return Bytes(media.begin(), media.end());
}

Bytes block_at(std::uint32_t size, std::uint64_t number, Rank rank) {
    Bytes out(size);
    const Bytes value(1 + rank.round % (size - header_size - 1),
                      static_cast<std::byte>(rank.round % 251));
    encode_block(out, address_of_cell(number),
                 {.incarnation = rank.proposer,
                  .seq = 1,
                  .promised = rank,
                  .accepted = rank,
                  .committed = {},
                  .value = value});
    return out;
}

Bytes initial_block(std::uint32_t size, std::uint64_t number) {
    Bytes out(size);
    encode_initial(out, address_of_cell(number));
    return out;
}

bool Life::open() {
    scope_.spawn(open_store());
    while (!store && complaint_.empty()) queue_.run_one();
    return store.has_value();
}

Task<void> Life::open_store() {
    Result<Recovered> recovered = co_await recover(disk);
    if (recovered) {
        store.emplace(queue_, clock_, disk, std::move(*recovered), *this);
    } else {
        complaint_ = recovered.error().sentence;
    }
}

void Life::start_clients(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) scope_.spawn(client());
}

bool Life::run_until_write(std::uint64_t writes) {
    while (disk.writes() < writes) {
        if (queue_.empty()) return false;
        queue_.run_one();
    }
    return true;
}

void Life::run_some(std::uint64_t steps) {
    for (; steps > 0 && !queue_.empty(); --steps) queue_.run_one();
}

void Life::complain(std::uint64_t number, const std::string& what) {
    if (complaint_.empty()) complaint_ = "block " + std::to_string(number) + " " + what;
}

void Life::compare() {
    for (std::uint64_t number = 0; number < stepped_blocks + raw_blocks; ++number) {
        const std::uint64_t version = version_of(number, store->block(number));
        if (version < knowledge_.told[number]) complain(number, "was lost");
        if (version > knowledge_.asked[number]) complain(number, "was never asked for");
    }
}

// And it is whole: the block of that version, byte for byte.
std::uint64_t Life::version_of(std::uint64_t number, ByteView block) {
    if (inspect_checksum(block) == Damage::blank) return 0;
    const Decoded decoded = decode_block(block, address_of_cell(number));
    if (decoded.state == BlockState::initial) return 0;
    if (decoded.state != BlockState::valid) {
        complain(number, "is damaged");
        return 0;
    }
    const Rank rank = decoded.block.accepted;
    if (!std::ranges::equal(block, block_at(store->block_size(), number, rank))) {
        complain(number, "is not what was asked for");
    }
    return rank.round;
}

Task<void> Life::told(Lsn until) {
    while (store->durable() < until) {
        advanced_.reset();
        co_await advanced_.wait();
    }
}

Task<void> Life::client() {
    for (int i = 0; i < steps_of_a_client; ++i) {
        if (random_.one_in(4)) {
            co_await write();
        } else {
            co_await step();
        }
        const std::uint64_t shown = random_.below(stepped_blocks + raw_blocks);
        knowledge_.tell(shown, version_of(shown, store->block(shown)));
    }
}

Task<void> Life::step() {
    const std::uint32_t size = store->block_size();
    const std::uint64_t number = random_.below(random_.one_in(2) ? 2 : stepped_blocks);
    // A rank that is sometimes too low: then the answer shows what is there instead.
    const std::uint64_t round =
        random_.one_in(4) ? 1 + random_.below(knowledge_.round + 1) : ++knowledge_.round;
    while (!store->has_room(1)) co_await store->next_batch().wait();
    if (inspect_checksum(store->pending(number)) == Damage::blank) {
        co_await told(store->write(number, initial_block(size, number)));
        while (!store->has_room(1)) co_await store->next_batch().wait();
    }
    const Rank rank{round, Proposer(7)};
    knowledge_.ask(number, round);
    Bytes before(size);
    const Bytes request = block_at(size, number, rank);
    const Store::Outcome outcome = store->step(number, request, rank, before);
    co_await told(outcome.until);
    if (outcome.verdict == StepVerdict::done) knowledge_.tell(number, round);
    knowledge_.tell(number, version_of(number, before));
}

Task<void> Life::write() {
    const std::uint64_t first = stepped_blocks + random_.below(raw_blocks - 4);
    const std::uint64_t count = 1 + random_.below(std::min<std::size_t>(4, store->most_at_once()));
    while (!store->has_room(count)) co_await store->next_batch().wait();
    const std::uint64_t round = ++knowledge_.round;
    Bytes images;
    for (std::uint64_t i = 0; i < count; ++i) {
        const Bytes one = block_at(store->block_size(), first + i, {round, Proposer(7)});
        images.insert(images.end(), one.begin(), one.end());
        knowledge_.ask(first + i, round);
    }
    co_await told(store->write(first, images));
    for (std::uint64_t i = 0; i < count; ++i) knowledge_.tell(first + i, round);
}

}  // namespace diskpaxos::agent
