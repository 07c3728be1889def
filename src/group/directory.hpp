// The directory: names find their cell without any central allocation. A name hashes to a cell
// and probes onwards from there; a cell belongs to the name that its record carries. A cell is
// claimed by the first change of that name, in that same change. A deleted name keeps its cell:
// so versions never fall back, and no name can ever be found in two cells.
#pragma once

#include <map>
#include <string>

#include "group/group.hpp"

namespace diskpaxos {

inline constexpr std::size_t max_name = 63;  // bytes

// What an operation on a name ended with.
struct Named {
    std::uint64_t version = 0;
    CellState state = CellState::unset;
    Bytes value;
    bool applied = false;  // the change wrote
    bool exact = true;     // version and value are those right after it, not later ones
    bool perhaps = false;  // `applied` or not: an earlier attempt may have been (Repeat)
};

class Directory {
  public:
    explicit Directory(Group& group) : group_(group) {}

    // Linearizable. A name that nobody ever wrote is unset, version 0.
    Task<Result<Named>> get(std::string name, Instant deadline);

    // One look, without a write: what the name's cell seems to hold. Every change that is
    // committed is seen, and perhaps one that is not (Named::exact: it is committed).
    Task<Result<Named>> look(std::string name, Instant deadline);

    // f sees the name's present state, and may change state and value.
    Task<Result<Named>> change(std::string name, const ChangeFn& f, Instant deadline,
                               Repeat repeat = Repeat::never);

    static Result<void> check_name(std::string_view name);
    // The cell in which a name is looked for at this step of the way.
    static std::uint32_t probe(std::string_view name, std::uint32_t step, std::uint32_t cells);

    // Bytes that a value may have under this name.
    std::size_t capacity(std::string_view name) const;
    std::uint32_t ttl_ms() const { return group_.roster().common.ttl_ms; }
    std::uint32_t session_slots() const { return group_.geometry().slots; }
    // Whether a change of this name by somebody else is told of, so that nobody need ask for it all
    // the time: enough disks are active, and the name has been found.
    bool tells(const std::string& name) const { return group_.tells() && known_.contains(name); }
    // Ends when the name may have changed since it was looked at last, or at the deadline.
    Task<void> await_change(std::string name, Instant deadline);

  private:
    enum class Whose : std::uint8_t { ours, nobodys, others };

    std::uint32_t probe(std::string_view name, std::uint32_t step) const;
    static Whose whose(const CellView& view, std::string_view name);
    Task<Result<Whose>> glance(Cell& cell, std::uint32_t number, std::string name,
                               Instant deadline);
    Result<Named> named(const ChangeOutcome& outcome, Cell& cell, std::uint32_t number,
                        std::string_view name) const;
    Error full() const;

    Group& group_;
    std::map<std::string, std::uint32_t> known_;  // names never move
};

}  // namespace diskpaxos
