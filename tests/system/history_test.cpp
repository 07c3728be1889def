// Several processes get, add to and swap one cell, some of them killed; what they were told must
// be linearizable, in real time, by the checker of the simulator.
#include <array>
#include <atomic>
#include <memory>
#include <thread>

#include "child.hpp"
#include "each_world.hpp"
#include "io/os_random.hpp"
#include "sim/linearizable.hpp"

namespace diskpaxos {
namespace {

using namespace std::chrono_literals;
using sim::Content;
using Kind = sim::Operation::Kind;
using Fate = sim::Operation::Fate;

constexpr unsigned workers = 4;
constexpr unsigned per_worker = 80;
constexpr unsigned lives = 3;

struct Note {  // plain: a killed process leaves it as it stands
    std::atomic<bool> begun = false;
    std::atomic<bool> ended = false;
    sim::Operation operation;
};
struct Notes {
    std::array<std::array<Note, per_worker>, workers * lives> of;
};

// One process: what it asks next depends on what it saw last, so that swaps often succeed.
class Client {
  public:
    Client(const Paths& paths, const Process::Wish& wish, unsigned number)
        : process_(paths, wish), number_(number) {
        CHECK(process_.problem().empty());
    }

    void run_all(std::array<Note, per_worker>& notes) {
        for (Note& note : notes) {
            sim::Operation& operation = note.operation;
            operation.process = number_;
            operation.kind = std::array{Kind::get, Kind::add, Kind::swap}[random_.below(3)];
            operation.argument = 1 + random_.below(1000);
            operation.expected = last_.version;
            operation.start = now();
            note.begun = true;
            perform(operation);
            operation.end = now();
            note.ended = true;
        }
    }

  private:
    std::uint64_t now() const {
        return static_cast<std::uint64_t>(process_.in(0s).time_since_epoch().count());
    }
    static Verdict change(const sim::Operation& asked, const CellView& base, Draft& draft) {
        if (asked.kind == Kind::swap && base.version != asked.expected) return Verdict::keep;
        const std::uint64_t before = asked.kind == Kind::add ? number_in(base.value) : 0;
        put_number(draft.value, before + asked.argument);
        draft.state = CellState::set;
        return Verdict::write;
    }

    void perform(sim::Operation& operation) {
        Cell& cell = process_.group().cell(5);
        std::optional<Committed> done;
        if (operation.kind == Kind::get) {
            const GetOutcome outcome = process_.run(cell.get(process_.in(10s)));
            if (const auto* committed = std::get_if<Committed>(&outcome)) done = *committed;
        } else {
            const ChangeFn f = [&operation](const CellView& base, Draft& draft) {
                return change(operation, base, draft);
            };
            const ChangeOutcome outcome = process_.run(cell.change(f, process_.in(10s)));
            if (const auto* committed = std::get_if<Committed>(&outcome)) done = *committed;
        }
        if (!done) return;
        const bool own = operation.kind != Kind::get && done->exact;
        const CellView seen = own ? cell.result() : cell.view();
        last_ = {seen.version, number_in(seen.value)};
        operation.fate = Fate::happened;
        operation.applied = operation.kind != Kind::get && done->applied;
        if (operation.kind == Kind::get || done->exact) operation.seen = last_;
    }

    Process process_;
    io::OsRandom random_;
    unsigned number_;
    Content last_;
};

std::vector<sim::Operation> history_of(const Notes& notes) {
    std::vector<sim::Operation> all;
    for (const auto& process : notes.of) {
        for (const Note& note : process) {
            if (!note.begun) continue;
            sim::Operation operation = note.operation;
            if (!note.ended || operation.fate == Fate::open) {
                operation.end = ~std::uint64_t{0};
                operation.fate = Fate::open;
                operation.applied.reset();
                operation.seen.reset();
            }
            all.push_back(operation);
        }
    }
    return all;
}

class HistoryTest : public EachWorld {};
INSTANTIATE_TEST_SUITE_P(, HistoryTest, testing::ValuesIn(every_kind), name_of_kind);

TEST_P(HistoryTest, WhatProcessesAreToldIsLinearizable) {
    format_group(disks.paths(), disks.geometry(), 2000);
    const Shared<Notes> notes;
    io::OsRandom random;
    for (unsigned life = 0; life < lives; ++life) {
        std::array<std::unique_ptr<Child>, workers> children;
        for (unsigned worker = 0; worker < workers; ++worker) {
            const unsigned number = life * workers + worker;
            children[worker] = std::make_unique<Child>([&, number] {
                Client client(disks.paths(), wish(), number);
                client.run_all(notes->of[number]);
            });
        }
        const bool last = life + 1 == lives;  // these may finish
        if (!last) std::this_thread::sleep_for(std::chrono::milliseconds(50 + random.below(100)));
        for (auto& child : children) {
            if (last) {
                EXPECT_EQ(child->wait(), 0);
            } else {
                child->kill();
            }
        }
    }
    std::vector<sim::Operation> history = history_of(*notes);
    ASSERT_GE(history.size(), workers * per_worker);
    EXPECT_TRUE(sim::linearizable(history));

    // The checker has teeth here, too: an answer that nobody can have been given is refused.
    for (sim::Operation& operation : history) {
        if (!operation.seen || operation.seen->version < 10) continue;
        operation.seen->value += 1;
        break;
    }
    EXPECT_FALSE(sim::linearizable(history));
}

}  // namespace
}  // namespace diskpaxos
