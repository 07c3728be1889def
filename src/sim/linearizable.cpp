#include "sim/linearizable.hpp"

#include <algorithm>
#include <optional>
#include <unordered_set>
#include <utility>
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

    // Depth first, without recursion: a history may be longer than a stack is deep.
    bool run() {
        std::vector<Level> path;
        bool deeper = true;
        while (due_ > 0) {  // what is left then need not have happened
            if (deeper) {
                const std::optional<Level> level = enter();
                if (level) path.push_back(*level);
                if (!level && !path.empty()) undo(path.back());
            }
            if (path.empty()) return false;
            Level& level = path.back();
            const bool chosen = choose(level);
            deeper = chosen && apply(level);
            if (chosen) continue;
            path.pop_back();
            if (!path.empty()) undo(path.back());
        }
        return true;
    }

  private:
    struct Level {  // of the search: a position, and how far its choices have been tried
        std::uint64_t horizon;     // an operation that began later cannot be the next
        Content before;
        std::size_t next;          // to be tried
        bool certain = true;       // first those that have happened: the others are mostly not needed
        std::size_t chosen = 0;
    };

    // Nothing: there is no way on from this position.
    std::optional<Level> enter() {
        const auto [horizon, version] = next_due();
        if (position_.content.version > version) return std::nullopt;
        if (!visited_.insert(position_).second) return std::nullopt;
        return Level{.horizon = horizon, .before = position_.content, .next = first_left_};
    }

    bool choose(Level& level) const {
        for (;;) {
            for (std::size_t& i = level.next; i < operations_.size(); ++i) {
                if (operations_[i].start > level.horizon) break;
                if (position_.done[i] || is_certain(operations_[i]) != level.certain) continue;
                level.chosen = i++;
                return true;
            }
            if (!std::exchange(level.certain, false)) return false;
            level.next = first_left_;
        }
    }

    static bool is_certain(const Operation& operation) {
        return operation.fate == Operation::Fate::happened;
    }

    bool apply(const Level& level) {
        const Operation& operation = operations_[level.chosen];
        const std::optional<Content> after = execute(operation, position_.content);
        if (!after || !in_lineage(*after)) return false;
        const bool certain = is_certain(operation);
        if (!certain && *after == position_.content) return false;  // it need not have happened
        position_.done[level.chosen] = true;
        position_.content = *after;
        due_ -= certain;
        while (first_left_ < operations_.size() && position_.done[first_left_]) ++first_left_;
        return true;
    }

    void undo(const Level& level) {
        due_ += is_certain(operations_[level.chosen]);
        position_.content = level.before;
        position_.done[level.chosen] = false;
        first_left_ = std::min(first_left_, level.chosen);
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
        for (std::size_t i = first_left_; i < operations_.size(); ++i) {
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

    std::span<const std::uint64_t> lineage_;
    std::vector<Operation> operations_;
    Position position_;
    std::size_t due_ = 0;         // operations that must still happen
    std::size_t first_left_ = 0;  // in a long history most of what is before is done
    std::unordered_set<Position, HashPosition> visited_;
};

}  // namespace

bool linearizable(std::span<const Operation> operations, Content initial,
                  std::span<const std::uint64_t> lineage) {
    return Search(operations, initial, lineage).run();
}

}  // namespace diskpaxos::sim
