// History: what the processes asked of one cell and what they were told, in the order in which it
// happened. It is what the linearizability checker judges (algorithms.md 14.1, P5 and P6).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace diskpaxos::sim {

struct Content {  // of a cell, as the sequential specification sees it
    std::uint64_t version = 0;
    std::uint64_t value = 0;
    bool operator==(const Content&) const = default;
};

struct Operation {
    enum class Kind : std::uint8_t {
        get,      // what stands there
        add,      // value += argument
        swap,     // value = argument if version == expected
        propose,  // value = argument if version == 0
    };
    enum class Fate : std::uint8_t {
        open,      // nobody knows: it takes effect at any time after its start, or never
        happened,  // between start and end
        never,     // it was said to have had no effect, for good
    };

    Kind kind = Kind::get;
    std::uint64_t argument = 0;
    std::uint64_t expected = 0;
    unsigned process = 0;

    std::uint64_t start = 0;  // positions in the history, not times
    std::uint64_t end = ~std::uint64_t{0};
    Fate fate = Fate::open;
    std::optional<bool> applied;  // whether it changed the cell, if that was told
    std::optional<Content> seen;  // the content right after it, if that was told
};

class History {
  public:
    std::size_t begin(Operation operation);  // its number
    // What was told. An operation may be told about later than its process stopped waiting for it.
    void end(std::size_t operation, Operation::Fate fate, std::optional<bool> applied = {},
             std::optional<Content> seen = {});
    // A read that was told along with `operation`, within the same bounds.
    void saw_along(std::size_t operation, Content seen);

    const std::vector<Operation>& operations() const { return operations_; }

  private:
    std::uint64_t clock_ = 0;
    std::vector<Operation> operations_;
};

// The sequential specification: what `operation` makes of `before`; nothing if that contradicts
// what was told of it.
std::optional<Content> execute(const Operation& operation, Content before);

std::string describe(const Operation& operation);

}  // namespace diskpaxos::sim
