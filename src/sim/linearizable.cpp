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
    Search(std::span<const Operation> operations, Content initial,
           std::span<const std::uint64_t> lineage)
        : lineage_(lineage) {
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
        const auto [horizon, version] = next_due();
        if (position_.content.version > version) return false;
        if (!visited_.insert(position_).second) return false;
        // First those that have happened: the others are mostly not needed.
        for (const bool certain : {true, false}) {
            for (std::size_t i = first_left(); i < operations_.size(); ++i) {
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
        if (!after || !in_lineage(*after)) return false;
        const bool certain = is_certain(operation);
        if (!certain && *after == position_.content) return false;  // it need not have happened
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

    bool in_lineage(Content content) const {
        if (lineage_.empty()) return true;
        return content.version < lineage_.size() && content.value == lineage_[content.version];
    }

    struct Due {
        std::uint64_t end = ~std::uint64_t{0};      // when the first one ended that must still happen
        std::uint64_t version = ~std::uint64_t{0};  // at the latest; versions only rise
    };
    Due next_due() const {
        Due due;
        for (std::size_t i = first_left(); i < operations_.size(); ++i) {
            const Operation& operation = operations_[i];
            if (operation.start > due.end) break;  // and whatever follows ends later still
            if (position_.done[i] || !is_certain(operation)) continue;
            due.end = std::min(due.end, operation.end);
            if (!operation.seen) continue;
            const std::uint64_t own = operation.applied.value_or(false) ? 1 : 0;
            due.version = std::min(due.version, operation.seen->version - own);
        }
        return due;
    }

    std::size_t first_left() const {  // in a long history most of what is before is done
        const auto left = std::ranges::find(position_.done, false);
        return static_cast<std::size_t>(left - position_.done.begin());
    }

    std::span<const std::uint64_t> lineage_;
    std::vector<Operation> operations_;
    Position position_;
    std::size_t due_ = 0;  // operations that must still happen
    std::unordered_set<Position, HashPosition> visited_;
};

}  // namespace

bool linearizable(std::span<const Operation> operations, Content initial,
                  std::span<const std::uint64_t> lineage) {
    return Search(operations, initial, lineage).run();
}

}  // namespace diskpaxos::sim
