// Store: the blocks of one active disk, and the only place where they change.
//
// All blocks are in memory, as they are on the disk: what block() shows is durable. A change goes
// into the batch that is being gathered and is visible to nothing but later changes of the same
// block. One batch at a time is on its way to the journal; while it is, the next one gathers. So
// one durable write serves everybody who has asked in the meantime.
//
// Every change, and every step that has seen one, says by which batch it is durable. Nobody may be
// told of it before the audience has heard that this batch is.
//
// In memory: per block its size and 4 bytes; the batches, 1 MiB each at most; the journal is not.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "async/clock.hpp"
#include "async/event.hpp"
#include "async/scope.hpp"
#include "disk-agent/recovery.hpp"
#include "disk/step.hpp"

namespace diskpaxos::agent {

// Who is told what has become of the batches. Called from the store's own coroutines.
class Audience {
  public:
    virtual ~Audience() = default;
    virtual void committed(Lsn lsn, std::span<const std::uint64_t> blocks) = 0;
    // The journal cannot be written. What is not durable yet may become so later, or never: who
    // waits is to be told just that. Until recovered() no changes are to be asked for.
    virtual void failing(int error) = 0;
    virtual void recovered() = 0;
    // The home blocks cannot be written: it goes on until the journal is full.
    virtual void not_home(int error) = 0;
};

class Store {
  public:
    // A write that failed may still land: for so long after the last one nothing that it could
    // damage is reused (algorithms.md 7.4).
    static constexpr Duration ghost = std::chrono::seconds(30);
    static constexpr Duration pause = std::chrono::seconds(1);  // between attempts

    Store(RunQueue& queue, Clock& clock, Disk& file, Recovered recovered, Audience& audience);
    ~Store();
    Store(const Store&) = delete;
    Store& operator=(const Store&) = delete;

    const StoreHeader& header() const { return header_; }
    std::uint32_t block_size() const { return header_.block_size; }
    std::uint64_t blocks() const { return header_.blocks; }

    ByteView block(std::uint64_t number) const { return durable_image(number); }
    ByteView blocks(Extent extent) const;
    // With the changes that are not durable yet: for decisions, never to be shown.
    ByteView pending(std::uint64_t number) const;

    Lsn durable() const { return durable_; }
    bool failing() const { return failing_ != 0; }

    // Whether the batch that gathers can take so many blocks more; no more than most_at_once() fit
    // into any. If not, wait for the next one and ask again: others may have been faster.
    bool has_room(std::size_t blocks) const;
    Event& next_batch() {
        room_.reset();
        return room_;
    }
    std::size_t most_at_once() const { return header_.most_batch_blocks(); }

    struct Outcome {
        StepVerdict verdict = StepVerdict::done;
        Lsn until = 0;  // durable() must have come so far before anybody is told
        std::uint64_t limit = no_ceiling;  // above: the highest round that would have been let in
    };

    // Executes the step (disk/step.hpp) of a well-formed request and copies the block as it stood
    // to `before`. `ceiling`: of the client (ceiling-C1).
    Outcome step(std::uint64_t number, ByteView request, Rank rank, ByteSpan before,
                 std::uint64_t ceiling = no_ceiling);
    Lsn write(std::uint64_t first, ByteView images);

    // Finishes the commit in flight and brings everything home; soon after a write that failed it
    // stays in the journal instead, which the next start replays. False: it could not, and the
    // journal still has it. On a disk that fails it may take for ever; dying instead loses nothing.
    Task<bool> close();
    bool left_in_journal() const { return left_in_journal_; }

    struct Counts {
        std::uint64_t steps = 0;
        std::uint64_t changes = 0;
        std::uint64_t commits = 0;
        std::uint64_t units = 0;  // written to the journal
        std::uint64_t checkpoints = 0;
    };
    const Counts& counts() const { return counts_; }

  private:
    struct Changes {  // one batch, as long as it is not durable
        std::vector<std::uint64_t> blocks;
        Bytes images;
    };
    Changes& changes(Lsn lsn) { return changes_[lsn % 2]; }
    ByteView durable_image(std::uint64_t number) const {
        return ByteView(images_).subspan(number * block_size(), block_size());
    }
    Lsn stands_since(std::uint64_t number) const;
    void change(std::uint64_t number, ByteView image);

    Task<void> commit_all();
    Task<void> commit(Lsn lsn);
    Task<void> make_space(std::uint64_t units);
    std::uint64_t place_for(std::uint64_t units) const;
    void publish(Lsn lsn);
    void note_failure(int error);

    Task<void> checkpoint_all();
    Task<bool> checkpoint();
    Task<void> write_home(std::span<const std::uint64_t> units, std::size_t& next, int& error);
    Task<int> write_header(const StoreHeader& header);  // 0, or an errno
    void mark_dirty(std::uint64_t number);

    RunQueue& queue_;
    Clock& clock_;
    Disk& file_;
    Audience& audience_;
    StoreHeader header_;

    Bytes images_;                        // durable, in whole units
    std::vector<std::uint32_t> pending_;  // per block: where its newest change is; 0: nowhere
    Changes changes_[2];                  // by the parity of their batch's number
    Bytes next_image_;                    // scratch space of step()
    Bytes batch_;                         // and of commit()

    Lsn next_;            // number of the batch that gathers
    Lsn durable_;         // all up to this one are
    std::uint64_t head_;  // units written to the journal so far
    int failing_ = 0;     // errno of the last attempt to commit, or to make space for it
    int home_error_ = 0;  // errno of the last checkpoint
    Instant last_failure_ = Instant::min();

    std::vector<bool> dirty_;  // per unit of the home area: newer in memory
    std::vector<std::uint64_t> dirty_units_;

    bool closing_ = false;
    Event changed_;  // there is something to commit, or it is over
    Event room_;     // the batch that gathers is a fresh one
    Event pressed_;  // the journal is half full, or it is over
    Event freed_;
    Event all_committed_;
    Event at_home_;
    bool clean_ = false;
    bool left_in_journal_ = false;
    Counts counts_;
    Scope scope_;  // last: its tasks die first
};

}  // namespace diskpaxos::agent
