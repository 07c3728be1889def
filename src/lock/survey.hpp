// Survey: the whole group as its disks show it now: what every name holds, which sessions there
// are, whose the slots are. Without a seat and without a write; with a minority too, which is then
// said. Each cell is read for itself: a survey is no snapshot of several at one instant.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "consensus/record.hpp"
#include "group/assemble.hpp"
#include "group/redundancy.hpp"
#include "group/slot_table.hpp"
#include "lock/agreement.hpp"
#include "lock/lock_record.hpp"

namespace diskpaxos {

struct SurveyedDisk {
    std::string name;
    bool present = false;
    bool answered = false;      // all that it was asked, in time
    int error = 0;              // the first errno met
    std::uint64_t behind = 0;   // names of which it has an older value
    std::uint64_t damaged = 0;  // cells whose row is not whole
    std::uint64_t unseen = 0;   // cells that its keeper does not let us see
    Duration read_time{};       // of one row: the middle of a few, and the longest
    Duration longest_read{};
};

struct SurveyedCell {  // one that belongs to a name
    std::uint32_t number = 0;
    std::string name;
    CellState state = CellState::unset;
    std::uint64_t version = 0;
    Bytes value;
    Standing standing = Standing::no_majority;
    std::vector<DiskSays> disks;
};

// What became of the session that a lock or its queue names.
enum class Fate : std::uint8_t {
    unknown,  // its cell says nothing of it: it counts as alive until it was watched for its TTL
    live,     // or so it says: only watching tells
    left,
    evicted,
    cut_short,   // a later session has its slot; its lease may not be over yet
    superseded,  // a later session has its slot, and its lease is over
};
const char* describe(Fate fate);
constexpr bool may_act(Fate fate) {
    return fate == Fate::live || fate == Fate::unknown || fate == Fate::cut_short;
}
Fate fate_of(const SessionRef& session, const std::optional<SessionRecord>& record);

struct Survey {
    std::vector<SurveyedDisk> disks;
    bool majority = false;            // of the disks has answered
    std::uint32_t cells = 0;          // that there are
    std::vector<SurveyedCell> names;  // those that belong to one, in order
    std::vector<SlotView> slots;
    Redundancy votes;

    const SurveyedCell* find(std::string_view name) const;
    std::optional<LockRecord> lock(const SurveyedCell& cell) const;  // none: not one, or damaged
    // What the session cell of a slot says; none: nothing.
    std::optional<SessionRecord> session(std::uint16_t slot) const;
    const SurveyedCell* session_cell(std::uint16_t slot) const;
    Fate fate(const SessionRef& session) const {
        return fate_of(session, this->session(session.slot));
    }
};

class Surveyor {
  public:
    Surveyor(World& world, const Roster& roster, const QuorumRule& rule);

    // Goes on without disks that keep it waiting, once a quorum has answered, and without all
    // that have not at the deadline.
    Task<Survey> run(Instant deadline);

  private:
    Task<void> read_disk(std::size_t disk);
    Task<int> time_reads(std::size_t disk);
    Task<void> read_cells(std::size_t disk, std::uint32_t first, std::uint32_t count);
    void take_row(std::size_t disk, std::uint32_t cell, ByteView row);
    void fail_row(std::size_t disk, std::uint32_t cell, int error);
    bool for_others(std::size_t disk, int error) const;
    Task<void> confirm_on(std::size_t disk);
    void judge();
    void count(const Agreement& found);
    void count_votes();
    SurveyedCell named(std::uint32_t number, Agreement found) const;

    struct Doubt {  // a cell of which the first pass cannot tell
        std::uint32_t number = 0;
        Agreement found;
        DiskSet confirmed;
    };

    World& world_;
    const Roster& roster_;
    const QuorumRule& rule_;
    RecordFormat format_;
    std::vector<SurveyedDisk> disks_;
    std::vector<TableCopy> tables_;
    std::vector<std::vector<Glimpse>> seen_;  // by disk and cell
    std::vector<std::vector<bool>> hurt_;     // by disk and slot: not all its blocks can be read
    DiskSet done_;                            // disks whose first pass is over
    DiskSet confirming_;                      // those whose second one is not
    std::vector<Doubt> doubts_;
    bool over_ = false;  // who answers from now on is too late
    Survey survey_;
    Fan first_;  // last: their tasks refer to the rest
    Fan second_;
};

}  // namespace diskpaxos
