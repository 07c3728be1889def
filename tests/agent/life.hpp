// One life of a store and its clients, from opening to a power cut, and what clients know when it
// is over: what was acknowledged or shown must be there in the next life, and nothing may be there
// that was never asked for.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "agent/crash_disk.hpp"
#include "disk-agent/store.hpp"
#include "unit/testbed/test_world.hpp"

namespace diskpaxos::agent {

inline constexpr std::uint64_t stepped_blocks = 12;  // clients send them steps …
inline constexpr std::uint64_t raw_blocks = 20;      // … and write to these

StoreHeader small_store(std::uint32_t block_size);
Bytes created(const StoreHeader& header);  // the bytes of a new store

// The block of that number which has accepted `rank`; each rank has a value of its own.
Bytes block_at(std::uint32_t size, std::uint64_t number, Rank rank);
Bytes initial_block(std::uint32_t size, std::uint64_t number);

// By block: the highest version that was asked for, and the highest that somebody was told or
// shown. Versions are rounds of ranks.
struct Knowledge {
    std::map<std::uint64_t, std::uint64_t> asked;
    std::map<std::uint64_t, std::uint64_t> told;
    std::uint64_t round = 0;

    void ask(std::uint64_t number, std::uint64_t version) {
        asked[number] = std::max(asked[number], version);
    }
    void tell(std::uint64_t number, std::uint64_t version) {
        told[number] = std::max(told[number], version);
    }
};

class Life final : public Audience {
  public:
    Life(std::uint64_t seed, Bytes media, Knowledge& knowledge)
        : random_(seed),
          disk(queue_, random_, std::move(media)),
          knowledge_(knowledge),
          scope_(queue_) {}

    bool open();  // false: it refuses, and complaint() says why
    void start_clients(std::size_t count);

    // Until the disk has answered so many writes; false if the clients are at their end before.
    bool run_until_write(std::uint64_t writes);
    void run_some(std::uint64_t steps);

    void compare();  // what the store holds with what clients know
    const std::string& complaint() const { return complaint_; }

    void committed(Lsn, std::span<const std::uint64_t>) override { advanced_.set(); }
    void failing(int) override {}
    void recovered() override {}
    void not_home(int) override {}

  private:
    Task<void> open_store();
    Task<void> client();
    Task<void> step();
    Task<void> write();
    Task<void> told(Lsn until);
    std::uint64_t version_of(std::uint64_t number, ByteView block);
    void complain(std::uint64_t number, const std::string& what);

    SeededRandom random_;
    RunQueue queue_;
    ManualClock clock_;

  public:
    CrashDisk disk;
    std::optional<Store> store;

  private:
    Knowledge& knowledge_;
    std::string complaint_;
    Event advanced_;
    Scope scope_;  // last: clients die first
};

}  // namespace diskpaxos::agent
