#include "paper/door_schedules.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "async/scope.hpp"
#include "register/passive_visit.hpp"

namespace diskpaxos {

namespace {

// What one visitor has asked of the disk, and how far that is done.
class Path final : public Disk {
  public:
    // What may be next: of the request with this number its write, or a block of its read.
    struct Step {
        std::size_t request;
        bool write;
        std::uint64_t block;
    };

    Path(Bytes& platter, const Geometry& geometry, std::vector<std::uint64_t> contested)
        : platter_(platter), geometry_(geometry), contested_(std::move(contested)) {}
    ~Path() override {
        for (Request& request : requests_) request.io->finish();
    }

    std::uint32_t block_size() const override { return geometry_.block_size; }
    std::uint64_t blocks() const override { return geometry_.blocks(); }
    std::string_view name() const override { return "disk"; }

    void add_steps(std::vector<std::pair<Path*, Step>>& steps) {
        for (std::size_t i = 0; i < requests_.size(); ++i) {
            if (!requests_[i].written) {
                steps.push_back({this, {i, true, requests_[i].io->to.first}});
                continue;
            }
            for (const std::uint64_t block : requests_[i].unread)
                steps.push_back({this, {i, false, block}});
        }
    }

    void take(Step step) {
        Request& request = requests_[step.request];
        Io& io = *request.io;
        if (step.write) {
            std::ranges::copy(io.out.bytes(), at(io.to.first).begin());
            io.wrote = request.written = true;
        } else {
            read(io, step.block);
            std::erase(request.unread, step.block);
        }
        if (!request.written || !request.unread.empty()) return;
        for (std::uint64_t i = 0; i < io.from.count; ++i) {
            const std::uint64_t block = io.from.first + i;
            if (std::ranges::count(contested_, block) == 0) read(io, block);
        }
        requests_.erase(requests_.begin() + static_cast<std::ptrdiff_t>(step.request));
        io.finish();
    }

  protected:
    void submit(Io& io) override {
        Request request{&io, io.kind == Io::Kind::read, {}};
        for (const std::uint64_t block : contested_) {
            if (block - io.from.first < io.from.count) request.unread.push_back(block);
        }
        CHECK(!request.written || !request.unread.empty());  // else it has no last step
        requests_.push_back(std::move(request));
    }

  private:
    struct Request {
        Io* io;
        bool written;  // or there is nothing to write
        std::vector<std::uint64_t> unread;
    };
    ByteSpan at(std::uint64_t block) {
        return ByteSpan(platter_).subspan(block * block_size(), block_size());
    }
    void read(Io& io, std::uint64_t block) {
        const std::size_t offset = (block - io.from.first) * block_size();
        std::ranges::copy(at(block), io.in.bytes().subspan(offset).begin());
    }

    Bytes& platter_;
    const Geometry& geometry_;
    std::vector<std::uint64_t> contested_;  // blocks that others write
    std::vector<Request> requests_;
};

// One schedule: everybody from the beginning, with the choices that are given.
class Run {
  public:
    Run(const Geometry& geometry, const std::vector<Visitor>& visitors)
        : geometry_(geometry), visitors_(visitors), platter_(geometry.bytes()), scope_(queue_) {
        address_.geometry = &geometry_;
        for (std::uint32_t i = 0; i < geometry.row_blocks(); ++i) {
            const std::uint64_t block = geometry.row(0).first + i;
            encode_unused(
                ByteSpan(platter_).subspan(block * geometry.block_size, geometry.block_size),
                address_, i);
        }
        sights_.resize(visitors.size());
        for (std::size_t i = 0; i < visitors.size(); ++i) {
            paths_.push_back(std::make_unique<Path>(platter_, geometry_, written_by_others(i)));
            visits_.push_back(std::make_unique<PassiveVisit>(*paths_[i], address_, place(i), 0));
            scope_.spawn(go(i));
        }
    }

    // The steps that may be next; none: all visits are over.
    std::vector<std::pair<Path*, Path::Step>> steps() {
        queue_.run_all();
        std::vector<std::pair<Path*, Path::Step>> steps;
        for (auto& path : paths_) path->add_steps(steps);
        return steps;
    }

    std::string describe(const std::pair<Path*, Path::Step>& step) const {
        std::size_t i = 0;
        while (paths_[i].get() != step.first) ++i;
        const std::uint64_t in_row = step.second.block - geometry_.row(0).first;
        const std::uint32_t doors = geometry_.doors();
        return fmt::format("{} {} {}", visitors_[i].slot, step.second.write ? "writes" : "reads",
                           in_row < doors ? fmt::format("door {}", in_row + 1)
                                          : fmt::format("block {}", in_row - doors));
    }

    // Of any two visits at least one must have seen the other.
    bool blind() const {
        for (std::size_t i = 0; i < visitors_.size(); ++i) {
            for (unsigned v = 1; v <= visitors_[i].visits; ++v) {
                if (!sights_[i][v - 1].seen()) return true;
                for (std::size_t j = 0; j < i; ++j) {
                    for (unsigned w = 1; w <= visitors_[j].visits; ++w) {
                        if (!saw(i, v, j, w) && !saw(j, w, i, v)) return true;
                    }
                }
            }
        }
        return false;
    }

  private:
    Place place(std::size_t visitor) const { return visitors_[visitor].slot * geometry_.ring; }

    Task<void> go(std::size_t visitor) {
        const std::uint16_t slot = visitors_[visitor].slot;
        Own own;
        own.me = Proposer::of(slot, 1);
        for (unsigned visit = 1; visit <= visitors_[visitor].visits; ++visit) {
            own.rank = own.promised = Rank{visit, own.me};
            own.seq = visit;
            auto visiting = visits_[visitor]->visit(own);
            Sight sight = co_await visiting;
            sights_[visitor].push_back(std::move(sight));
        }
    }

    std::vector<std::uint64_t> written_by_others(std::size_t visitor) const {
        std::vector<std::uint64_t> blocks;
        for (std::size_t other = 0; other < visitors_.size(); ++other) {
            if (other == visitor) continue;
            const std::uint32_t tier = geometry_.tier_of(visitors_[other].slot);
            if (tier > 0) blocks.push_back(geometry_.door(0, tier));
            blocks.push_back(geometry_.block(0, place(other)));
        }
        std::ranges::sort(blocks);  // several may write a door
        blocks.erase(std::ranges::unique(blocks).begin(), blocks.end());
        return blocks;
    }

    // Whether the row that this visit has judged shows what the other one wrote, or what came
    // later.
    bool saw(std::size_t visitor, unsigned visit, std::size_t other, unsigned its) const {
        const Sight& sight = sights_[visitor][visit - 1];
        const std::uint64_t offset = geometry_.doors() + place(other);
        if (offset >= sight.keep->from.count) return false;
        const ByteView block = std::as_const(sight.keep->in)
                                   .bytes()
                                   .subspan(offset * geometry_.block_size, geometry_.block_size);
        return decode_block(block, address_.block(place(other))).block.seq >= its;
    }

    const Geometry& geometry_;
    const std::vector<Visitor>& visitors_;
    RowAddress address_;
    RunQueue queue_;
    Bytes platter_;
    std::vector<std::unique_ptr<Path>> paths_;
    std::vector<std::unique_ptr<PassiveVisit>> visits_;
    std::vector<std::vector<Sight>> sights_;
    Scope scope_;  // last: the visitors die first
};

struct Choice {
    std::size_t taken;
    std::size_t of;
};

}  // namespace

// Depth first: each run follows the choices of the one before up to the last that can be raised.
Schedules search(const Geometry& geometry, const std::vector<Visitor>& visitors) {
    Schedules found;
    std::vector<Choice> choices;
    do {
        Run run(geometry, visitors);
        std::string story;
        std::size_t depth = 0;
        for (auto steps = run.steps(); !steps.empty(); steps = run.steps()) {
            if (depth == choices.size()) choices.push_back({0, steps.size()});
            CHECK(choices[depth].of == steps.size());
            const auto& step = steps[choices[depth++].taken];
            story += (story.empty() ? "" : ", ") + run.describe(step);
            step.first->take(step.second);
        }
        ++found.count;
        if (run.blind()) {
            found.blind = story;
            return found;
        }
        while (!choices.empty() && choices.back().taken + 1 == choices.back().of)
            choices.pop_back();
        if (!choices.empty()) ++choices.back().taken;
    } while (!choices.empty());
    return found;
}

}  // namespace diskpaxos
