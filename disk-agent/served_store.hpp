// ServedStore: a store and those who wait for it: for a batch to be durable, or for a register to
// change.
#pragma once

#include <array>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "disk-agent/log.hpp"
#include "disk-agent/promisers.hpp"
#include "disk-agent/store.hpp"

namespace diskpaxos::agent {

// Who waits.
class Patron {
  public:
    virtual ~Patron() = default;
    virtual void settled(Lsn lsn) = 0;  // what had to wait for it may be told
    virtual void failed() = 0;          // what waits may be durable one day, or never
    // A register that was watched. `block` is durable.
    virtual void changed(std::uint64_t id, std::uint64_t number, ByteView block) = 0;
};

class ServedStore final : public Audience {
  public:
    ServedStore(RunQueue& queue, Clock& clock, std::string name, std::unique_ptr<Disk> disk,
                Recovered recovered, Log& log);

    const std::string& name() const { return name_; }
    Store& store() { return store_; }

    // `patron` hears of this batch, once, and of every failure before.
    void await(Lsn lsn, Patron& patron);

    // `patron` hears of the register once its accepted rank is above `rank`, or nobody knows what
    // it is any more.
    void watch(std::uint64_t number, std::uint64_t id, Rank rank, Patron& patron);
    static bool due(ByteView block, Rank rank);

    // It has gone. `watched`: the registers that it watches, in any order; some may come twice.
    void forget(Patron& patron, std::span<const std::uint64_t> watched);

    Promisers& promisers() { return promisers_; }

    // ceiling-C1: of those who may not format, at that time of day (unix ms).
    std::uint64_t ceiling(std::uint64_t now_ms) const {
        return diskpaxos::ceiling(formatted_ms_, now_ms);
    }

  private:
    void committed(Lsn lsn, std::span<const std::uint64_t> blocks) override;
    void failing(int error) override;
    void recovered() override;
    void not_home(int error) override;
    void tell_watchers(std::uint64_t number);
    void learn_age();

    struct Watch {
        std::uint64_t id;
        Rank rank;
    };

    std::string name_;
    Log& log_;
    std::unique_ptr<Disk> disk_;
    std::array<std::vector<Patron*>, 2> waiting_;  // by the parity of their batch
    // By register and by who waits: a million watches of others are not to be walked for one of them.
    std::multimap<std::pair<std::uint64_t, Patron*>, Watch> watches_;
    std::vector<std::pair<Patron*, std::uint64_t>> due_;  // scratch space of tell_watchers(): ids
    std::uint64_t formatted_ms_ = 0;  // as the superblock that lies here says; 0: none can be read
    Promisers promisers_;
    Store store_;             // last: it tells the others
};

}  // namespace diskpaxos::agent
