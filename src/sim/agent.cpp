#include "sim/agent.hpp"

#include <algorithm>
#include <utility>

#include "base/mutant.hpp"
#include "sim/link.hpp"

namespace diskpaxos::sim {

namespace {

Rank accepted_in(const Platter& platter, std::uint64_t block) {
    return platter.decode(block).block.accepted;
}

}  // namespace

void SimAgent::connect(SimLink& link) {
    std::erase_if(links_, [](const SimLink* old) { return old->orphaned() && old->idle(); });
    links_.push_back(&link);
}

ByteView SimAgent::present(std::uint64_t block) const {
    const auto unsaved = unsaved_.find(block);
    return unsaved == unsaved_.end() ? platter_.block(block) : ByteView(unsaved->second.content);
}

void SimAgent::step(SimLink& from, std::uint64_t block, ByteView request, Rank rank,
                    Answer answer) {
    const Bytes before(present(block).begin(), present(block).end());
    Bytes next(before);
    const Stepped stepped =
        diskpaxos::step(before, request, rank, next, ceiling ? ceiling() : no_ceiling);
    if (stepped.changed) {
        unsaved_[block] = {next, &from};
        const std::uint32_t cell = platter_.cell_of(block);
        watch_.executed(from, cell, decode_block(next, platter_.row(cell).block(0)).block);
    }
    answer_durably(block, [answer = std::move(answer), stepped, before] {
        answer(stepped, before);
    });
}

void SimAgent::read(std::uint64_t block, Answer answer) {
    const Bytes content(present(block).begin(), present(block).end());
    answer_durably(block, [answer = std::move(answer), content] {
        answer({StepVerdict::refused}, content);
    });
}

void SimAgent::watch(std::uint64_t block, Rank beyond, Answer answer) {
    if (accepted_in(platter_, block) > beyond) return read(block, std::move(answer));
    watchers_.push_back({block, beyond, std::move(answer)});
}

// What is told must not be forgotten: a read shows it as much as a step does.
void SimAgent::answer_durably(std::uint64_t block, std::function<void()> answer) {
    if (mutated(Mutant::answer_before_durable) || !unsaved_.contains(block)) answer();
    else answers_.push_back(std::move(answer));
    if (unsaved_.empty() || std::exchange(committing_, true)) return;
    world_.at(world_.now() + world_.between(Duration(0), faults_.commit), [this, life = lives_] {
        if (life == lives_) commit();
    });
}

void SimAgent::commit() {
    committing_ = false;
    for (const auto& [block, unsaved] : std::exchange(unsaved_, {})) save(block, unsaved);
    for (const auto& answer : std::exchange(answers_, {})) answer();
    for (const Watcher& watcher : std::exchange(watchers_, {})) {
        if (accepted_in(platter_, watcher.block) <= watcher.beyond) {
            watchers_.push_back(watcher);
        } else {
            watcher.answer({StepVerdict::refused}, platter_.block(watcher.block));
        }
    }
}

void SimAgent::save(std::uint64_t block, const Unsaved& unsaved) {
    unsaved.by->land(block, unsaved.content, Landing::sound);
}

void SimAgent::restart() {
    ++lives_;
    committing_ = false;
    for (const auto& [block, unsaved] : std::exchange(unsaved_, {})) {
        if (world_.chance(300)) {
            save(block, unsaved);  // the commit was cut behind it
        } else {
            watch_.came_across(*unsaved.by, Mark::state_lost);
        }
    }
    answers_.clear();
    watchers_.clear();
    for (SimLink* link : std::vector<SimLink*>(links_)) link->cut();
}

}  // namespace diskpaxos::sim
