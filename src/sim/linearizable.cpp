#include "sim/linearizable.hpp"

#include <algorithm>
#include <unordered_set>
#include <vector>

namespace diskpaxos::sim {

namespace {

using Bits = std::vector<bool>;

struct Position {
    Bits done;
    Content content;
    bool operator==(const Position&) const = default;
};

struct HashPosition {
    std::size_t operator()(const Position& p) const {
        const std::size_t content = p.content.version * 0x9e3779b97f4a7c15ULL ^ p.content.value;
        return std::hash<Bits>{}(p.done) * 31 + content;
    }
};

class Search {
  public:
    Search(std::span<const Operation> operations, Content initial) {
        for (const Operation& operation : operations) {
            const bool idle_read = operation.kind == Operation::Kind::get && !operation.seen;
            if (operation.fate != Operation::Fate::never && !idle_read) {
                operations_.push_back(operation);
            }
        }
        std::ranges::sort(operations_, {}, &Operation::start);
        position_ = {Bits(operations_.size()), initial};
        for (const Operation& op : operations_) due_ += is_certain(op);
    }

    bool run() {
        if (due_ == 0) return true;  // what is left need not have happened
        if (overtaken()) return false;
        if (!visited_.insert(position_).second) return false;
        const std::uint64_t horizon = first_end();
        // First those that have happened: the others are mostly not needed.
        for (const bool certain : {true, false}) {
            for (std::size_t i = 0; i < operations_.size(); ++i) {
                if (operations_[i].start > horizon) break;  // somebody had ended before it began
                if (position_.done[i] || is_certain(operations_[i]) != certain) continue;
                if (next(i)) return true;
            }
        }
        return false;
    }

  private:
    static bool is_certain(const Operation& operation) {
        return operation.fate == Operation::Fate::happened;
    }

    bool next(std::size_t i) {
        const Operation& operation = operations_[i];
        const std::optional<Content> after = execute(operation, position_.content);
        if (!after) return false;
        const bool certain = is_certain(operation);
        const Content before = position_.content;
        if (!certain && *after == before) return false;  // as good as never
        position_.done[i] = true;
        position_.content = *after;
        due_ -= certain;
        if (run()) return true;
        due_ += certain;
        position_.content = before;
        position_.done[i] = false;
        return false;
    }

    // Versions never fall: somebody who must still happen was told of one that has passed.
    bool overtaken() const {
        for (std::size_t i = 0; i < operations_.size(); ++i) {
            const Operation& op = operations_[i];
            if (position_.done[i] || !is_certain(op) || !op.seen) continue;
            const std::uint64_t at_least = position_.content.version + op.applied.value_or(false);
            if (op.seen->version < at_least) return true;
        }
        return false;
    }

    std::uint64_t first_end() const {
        std::uint64_t first = ~std::uint64_t{0};
        for (std::size_t i = 0; i < operations_.size(); ++i) {
            if (position_.done[i] || !is_certain(operations_[i])) continue;
            first = std::min(first, operations_[i].end);
        }
        return first;
    }

    std::vector<Operation> operations_;
    Position position_;
    std::size_t due_ = 0;  // operations that must still happen
    std::unordered_set<Position, HashPosition> visited_;
};

}  // namespace

bool linearizable(std::span<const Operation> operations, Content initial) {
    return Search(operations, initial).run();
}

}  // namespace diskpaxos::sim
