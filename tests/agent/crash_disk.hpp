// CrashDisk: a disk in memory whose power can be cut. What is in flight then has landed as a
// whole, in some of its sectors, or not at all; what was answered has landed.
#pragma once

#include <memory>
#include <vector>

#include "async/event.hpp"
#include "async/random.hpp"
#include "async/scope.hpp"
#include "disk/disk.hpp"

namespace diskpaxos::agent {

class CrashDisk final : public Disk {
  public:
    // Answers in an order that `random` draws, one at a time.
    CrashDisk(RunQueue& queue, Random& random, Bytes media);
    ~CrashDisk() override;

    std::uint32_t block_size() const override { return 4096; }
    std::uint64_t blocks() const override { return media_.size() / block_size(); }
    std::string_view name() const override { return "disk"; }

    enum class Fate : std::uint8_t { nothing, all, drawn };
    // What a power cut at this moment leaves.
    Bytes cut(Fate of_writes_in_flight, Random& random) const;

    std::uint64_t writes() const { return writes_; }  // answered so far
    ByteView media() const { return media_; }
    std::size_t in_flight() const { return in_flight_.size(); }

    unsigned patience = 1;         // what is no batch takes so many times longer: the journal fills
    int error = 0;                 // every write fails with it, and does not land
    int error_beyond_journal = 0;  // every write that is no batch does

  protected:
    void submit(Io& io) override;

  private:
    Task<void> serve();
    void answer(Io& io);
    int error_of(const Io& io) const;
    static bool is_batch(const Io& io);

    Random& random_;
    Bytes media_;
    std::vector<Io*> in_flight_;
    std::uint64_t writes_ = 0;
    Event arrived_;
    Scope scope_;  // last: serve() dies first
};

}  // namespace diskpaxos::agent
