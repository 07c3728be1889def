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
        unsaved_[block] = {next, &from, Landing::sound};
        const std::uint32_t cell = platter_.cell_of(block);
        watch_.executed(from, cell, decode_block(next, platter_.row(cell).block(0)).block);
    }
    answer_durably({block, 1}, [answer = std::move(answer), stepped, before] {
        answer(stepped, before);
    });
}

void SimAgent::write(SimLink& from, std::uint64_t first, ByteView content, bool late,
                     Answer answer) {
    const std::size_t size = platter_.geometry().block_size;
    const Extent blocks{first, content.size() / size};
    for (std::uint64_t i = 0; i < blocks.count; ++i) {
        const ByteView block = content.subspan(i * size, size);
        unsaved_[first + i] = {Bytes(block.begin(), block.end()), &from,
                               late ? Landing::late : Landing::sound};
    }
    answer_durably(blocks, [answer = std::move(answer)] { answer({StepVerdict::done}, {}); });
}

void SimAgent::read(Extent blocks, Answer answer) {
    Bytes content;
    for (std::uint64_t i = 0; i < blocks.count; ++i) {
        const ByteView block = present(blocks.first + i);
        content.insert(content.end(), block.begin(), block.end());
    }
    answer_durably(blocks, [answer = std::move(answer), content] {
        answer({StepVerdict::refused}, content);
    });
}

void SimAgent::watch(std::uint64_t block, Rank beyond, Answer answer) {
    if (accepted_in(platter_, block) > beyond) return read({block, 1}, std::move(answer));
    watchers_.push_back({block, beyond, std::move(answer)});
}

// What is told must not be forgotten: a read shows it as much as a step does.
void SimAgent::answer_durably(Extent blocks, std::function<void()> answer) {
    const auto first = unsaved_.lower_bound(blocks.first);
    const bool durable = first == unsaved_.end() || first->first >= blocks.first + blocks.count;
    if (mutated(Mutant::answer_before_durable) || durable) answer();
    else answers_.push_back(std::move(answer));
    if (unsaved_.empty() || std::exchange(committing_, true)) return;
    commit_at(world_.now() + world_.between(Duration(0), faults_.commit));
}

void SimAgent::commit_at(Instant when) {
    world_.at(when, [this, life = lives_] {
        if (life == lives_) commit();
    });
}

void SimAgent::commit() {
    if (world_.now() < stopped_until) return commit_at(stopped_until);
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
    unsaved.by->land(block, unsaved.content, unsaved.how);
}

void SimAgent::restart() {
    ++lives_;
    stopped_until = world_.now();
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
