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
        for (const Operation& op : operations_) due_ += op.fate == Operation::Fate::happened;
    }

    bool run() {
        if (due_ == 0) return true;  // what is left need not have happened
        if (overtaken()) return false;
        if (!visited_.insert(position_).second) return false;
        const std::uint64_t horizon = first_end();
        for (std::size_t i = 0; i < operations_.size(); ++i) {
            if (operations_[i].start > horizon) break;  // somebody had ended before it began
            if (!position_.done[i] && next(i)) return true;
        }
        return false;
    }

  private:
    bool next(std::size_t i) {
        const Operation& operation = operations_[i];
        const std::optional<Content> after = execute(operation, position_.content);
        if (!after) return false;
        const bool certain = operation.fate == Operation::Fate::happened;
        const Content before = position_.content;
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
            if (position_.done[i] || op.fate != Operation::Fate::happened || !op.seen) continue;
            if (op.seen->version < position_.content.version) return true;
        }
        return false;
    }

    std::uint64_t first_end() const {
        std::uint64_t first = ~std::uint64_t{0};
        for (std::size_t i = 0; i < operations_.size(); ++i) {
            if (position_.done[i] || operations_[i].fate != Operation::Fate::happened) continue;
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
