// FakeTarget: a LUN in memory, in pretended time, with the fates that commands meet on their way.
// It keeps two images of each block, what lies there and what would lie there after a power cut,
// and remembers every image that a block has had.
#pragma once

#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "async/scope.hpp"
#include "async/world.hpp"
#include "scsi/lun.hpp"

namespace diskpaxos::scsi {

enum class Fate : std::uint8_t {
    prompt,
    busy,         // not executed, to be tried again
    refused,      // not executed, and never
    lost,         // never executed, no answer
    lost_answer,  // executed, no answer
    late,         // no answer; executed long after the waiter has given up
    twice,        // the transport repeats it: executed, and the answer is that of the second time
};

class FakeTarget {
  public:
    struct Counts {
        unsigned reads = 0;
        unsigned writes = 0;
        unsigned compares = 0;
        bool operator==(const Counts&) const = default;
    };

    FakeTarget(World& world, std::uint32_t block_size, std::uint64_t blocks);

    ByteView at(std::uint64_t block) const { return ByteView(blocks_[block].now); }
    void put(std::uint64_t block, ByteView image);  // durable, and the beginning of its history
    const std::vector<Bytes>& history(std::uint64_t block) const { return blocks_[block].history; }

    // What was written by commands that were not answered is gone, unless a later one was; and
    // commands on their way are.
    void cut_power();

    Counts counts;
    std::deque<Fate> script;               // of the next commands
    std::function<Fate()> fate;            // of those after it; none: prompt
    std::function<void()> before_compare;  // once: just before the next comparison
    bool compares_at_all = true;           // a broken target writes whatever it finds
    bool knows_compare_and_write = true;
    bool slow = false;  // commands and answers take a while, each its own

  private:
    friend class FakeLun;
    enum class Kind : std::uint8_t { read, write, compare };
    struct Block {
        Bytes now;
        Bytes durable;
        std::uint64_t version = 0;  // of `now`
        std::uint64_t durable_version = 0;
        std::vector<Bytes> history;
    };
    struct Request {
        Kind kind;
        std::uint64_t first;
        Bytes expected;
        Bytes data;
    };
    struct Executed {
        Outcome outcome;
        std::vector<std::uint64_t> versions;  // of the blocks, right after
    };

    Fate next_fate();
    Executed execute(Request& request);
    void answered(const Request& request, const Executed& executed);
    void change(Block& block, ByteView image);
    Task<Outcome> carry(Request* request, Fate fate);
    Task<void> execute_late(Request request);
    Duration some_time(Duration most);

    World& world_;
    std::uint32_t block_size_;
    std::vector<Block> blocks_;
    unsigned power_cuts_ = 0;
    Scope scope_;
};

class FakeLun final : public Lun {
  public:
    FakeLun(FakeTarget& target, std::string name);

    const LunFacts& facts() const override { return facts_; }
    std::string_view name() const override { return name_; }
    Task<Outcome> read(std::uint64_t first, ByteSpan into) override;
    Task<Outcome> write(std::uint64_t first, ByteView from) override;
    Task<Outcome> compare_and_write(std::uint64_t block, ByteView expected, ByteView next) override;

  private:
    FakeTarget& target_;
    std::string name_;
    LunFacts facts_;
};

}  // namespace diskpaxos::scsi
