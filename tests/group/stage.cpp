#include "group/stage.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "group/format.hpp"
#include "group/returning.hpp"
#include "group/slot_table.hpp"

namespace diskpaxos::sim {

namespace {

constexpr Duration soon = microseconds(50);
constexpr std::size_t hosts = 3;

// A process that does one thing to the slot table.
class Clerk : public Resident {
  public:
    Clerk(Neighbourhood& around, Kernel& kernel, Host host, std::vector<SimPath*> paths)
        : Resident(around, kernel, std::move(host), std::move(paths)), scope_(strand_.queue) {
        scope_.spawn(live());
    }

  protected:
    virtual Task<void> work(const Roster& roster) = 0;
    Threshold rule() const { return Threshold::majority(paths_.size()); }

  private:
    Task<void> live() {
        auto assembling = assembly_.run(true, in(std::chrono::seconds(10)));
        Result<Roster> roster = co_await assembling;
        if (roster) {
            auto working = work(*roster);
            co_await working;
        }
        exit_with(std::nullopt);
    }
    Scope scope_;
};

class Giver final : public Clerk {
    using Clerk::Clerk;
    Task<void> work(const Roster& roster) override {
        const Threshold majority = rule();
        GiveBack giving(world_, roster, majority, locks_, host_);
        const std::vector<std::uint32_t> slots(1, 0);
        auto running = giving.run(slots, in(std::chrono::seconds(2)));
        co_await running;
    }
};

class Forgetter final : public Clerk {
  public:
    Forgetter(Neighbourhood& around, Kernel& kernel, Host host, std::vector<SimPath*> paths,
              Uuid forgotten)
        : Clerk(around, kernel, std::move(host), std::move(paths)), forgotten_(forgotten) {}

  private:
    Task<void> work(const Roster& roster) override {
        const Threshold majority = rule();
        Forgetting forgetting(world_, roster, majority, host_, forgotten_);
        auto running = forgetting.run(std::chrono::seconds(1), std::chrono::seconds(2));
        const auto done = co_await running;
        CHECK(done.has_value());
    }
    Uuid forgotten_;
};

}  // namespace

// ---- ways ----

Request StagePath::seen(const Io& io) const {
    Request request;
    request.write = io.kind != Io::Kind::read;
    const Geometry& geometry = platter_.geometry();
    const Extent table = geometry.slot_table();
    const std::uint64_t block = request.write ? io.to.first : io.from.first;
    request.table = block >= table.first && block < table.first + table.count;
    if (!request.write || !request.table) return request;
    request.slot = static_cast<std::uint32_t>((block - table.first) / 2);
    const bool claim = block == geometry.claim_block(request.slot);
    request.kind = claim ? BlockKind::claim : BlockKind::owner;
    const RowAddress row = platter_.row(0);
    const BlockAddress address{.group = row.group,
                               .disk = row.disk,
                               .kind = request.kind,
                               .cell = 0,
                               .slot = static_cast<std::uint16_t>(request.slot),
                               .ring = 0};
    const auto entry = decode_slot_entry(io.out.bytes(), address);
    CHECK(entry.has_value());
    request.entry = *entry;
    return request;
}

void StagePath::submit(Io& io) {
    switch (script ? script(seen(io)) : Fate::done) {
        case Fate::done:
            return world_.at(world_.now() + soon, [this, &io] { carry_out(io); });
        case Fate::refused:
            return world_.at(world_.now() + soon, [this, &io] { finish(io, EIO); });
        case Fate::late:
            for (Letter& letter : letters_of(io)) late_.push_back(std::move(letter));
            return world_.at(world_.now() + soon, [this, &io] { finish(io, EIO); });
        case Fate::held:
            held_.push_back(&io);
    }
}

std::vector<StagePath::Letter> StagePath::letters_of(const Io& io) const {
    std::vector<Letter> letters;
    for (std::uint64_t i = 0; i < io.to.count; ++i) {
        const ByteView part = io.out.bytes().subspan(i * block_size(), block_size());
        letters.push_back({io.to.first + i, Bytes(part.begin(), part.end())});
    }
    return letters;
}

void StagePath::carry_out(Io& io) {
    if (io.kind != Io::Kind::read) {
        for (const Letter& letter : letters_of(io)) {
            SimPath::land(letter.block, letter.content, Landing::sound);
        }
        io.wrote = true;
    }
    for (std::uint64_t i = 0; i < io.from.count; ++i) {
        copy_block(io.in.bytes().subspan(i * block_size(), block_size()), io.from.first + i);
    }
    finish(io, 0);
}

void StagePath::land() {
    for (const Letter& letter : std::exchange(late_, {})) {
        SimPath::land(letter.block, letter.content, Landing::late);
    }
    for (Io* io : std::exchange(held_, {})) carry_out(*io);
}

void StagePath::lose() {
    late_.clear();
    for (Io* io : std::exchange(held_, {})) finish(*io, EIO);
}

// ---- the stage ----

Stage::Stage(std::size_t disks, std::uint32_t slots, std::uint32_t owned) : homes_(hosts) {
    const Geometry geometry{.block_size = 512, .slots = slots, .ring = 1, .cells = 1};
    group_ = draw_group(world_.random(), "stage", geometry, 1'000, disks, platters_);
    for (std::size_t i = 0; i < homes_.size(); ++i) {
        homes_[i].host.id = draw_uuid(world_.random());
        homes_[i].host.boot = draw_uuid(world_.random());
        homes_[i].host.name = fmt::format("host {}", i);
    }
    judge_ = std::make_unique<SlotJudge>(
        group_, platters_,
        [this](SlotFault fault, std::string what) { note(fault, std::move(what)); });
    format(owned);
    judge_->formatted();
}

Stage::~Stage() {
    for (Actor& actor : actors_) actor.resident.reset();
    for (auto& path : paths_) path->lose();
    world_.run(Instant::max());
}

void Stage::format(std::uint32_t owned) {
    Strand strand;
    NoTrace no_trace;
    World world{strand.queue, world_.clock(), world_.random(), no_trace};
    FormatPlan plan;
    plan.superblock = group_;
    for (auto& platter : platters_) {
        paths_.push_back(std::make_unique<StagePath>(world_, *platter, faults_, *this));
        plan.disks.push_back(paths_.back().get());
    }
    plan.host = homes_.front().host;
    plan.host_slots = owned;
    const bool stop = false;
    Formatter formatter(world, std::move(plan), [](std::uint64_t) {});
    Scope scope(strand.queue);
    world_.enter(strand);
    const auto form = [](Formatter& by, const bool& halt) -> Task<void> {
        const Result<void> result = co_await by.run(halt);
        CHECK(result.has_value());
    };
    scope.spawn(form(formatter, stop));
    while (!scope.idle().is_set() && world_.step()) {
    }
    world_.leave(strand);
}

Stage::Actor& Stage::actor(std::size_t host) {
    Actor& actor = actors_.emplace_back();
    for (auto& platter : platters_) {
        paths_.push_back(std::make_unique<StagePath>(world_, *platter, faults_, *this));
        judge_->belongs(*paths_.back(), homes_[host].host.id);
        actor.paths.push_back(paths_.back().get());
    }
    return actor;
}

Stage::Actor& Stage::user(std::size_t host) {
    Actor& started = actor(host);
    UserPlan plan;
    plan.uptime = std::chrono::hours(1);
    plan.patience = std::chrono::minutes(3);
    auto user =
        std::make_unique<User>(*this, homes_[host].kernel, homes_[host].host, ways(started), plan);
    started.user = user.get();
    started.resident = std::move(user);
    return started;
}

Stage::Actor& Stage::mender(std::size_t host) {
    Actor& started = actor(host);
    auto mender =
        std::make_unique<Mender>(*this, homes_[host].kernel, homes_[host].host, ways(started));
    started.mender = mender.get();
    started.resident = std::move(mender);
    return started;
}

Stage::Actor& Stage::giver(std::size_t host) {
    Actor& started = actor(host);
    started.resident =
        std::make_unique<Giver>(*this, homes_[host].kernel, homes_[host].host, ways(started));
    return started;
}

Stage::Actor& Stage::forgetter(std::size_t host, std::size_t forgotten) {
    Actor& started = actor(host);
    started.resident = std::make_unique<Forgetter>(*this, homes_[host].kernel, homes_[host].host,
                                                   ways(started), homes_[forgotten].host.id);
    judge_->may_be_forgotten(homes_[forgotten].host.id);
    return started;
}

std::vector<SimPath*> Stage::ways(const Actor& actor) const {
    return {actor.paths.begin(), actor.paths.end()};
}

void Stage::kill(Actor& actor) {
    if (actor.user != nullptr) judge_->left(actor.user);
    actor.user = nullptr;
    actor.mender = nullptr;
    actor.resident.reset();
}

bool Stage::until(const std::function<bool()>& then, Duration most) {
    const Instant end = world_.now() + most;
    world_.at(end, [] {});
    while (!then() && world_.now() < end) {
        if (!world_.step()) break;
    }
    return then();
}

void Stage::pass(Duration time) {
    until([] { return false; }, time);
}

void Stage::wipe_table(std::size_t disk) {
    say(fmt::format("the table of disk {} is wiped", disk));
    platters_[disk]->fill(group_.geometry.slot_table(), true, world_.random());
}

void Stage::wipe_row(std::size_t disk) {
    platters_[disk]->fill(group_.geometry.row(0), true, world_.random());
}

void Stage::plant_stamp(std::size_t disk, std::uint32_t slot) {
    SlotEntry stamp;
    stamp.state = SlotState::taken;
    stamp.turn = 1;
    stamp.stamp = 0x01d0'0000 + slot;
    stamp.host = draw_uuid(world_.random());
    stamp.host_name = "gone";
    Bytes block(group_.geometry.block_size);
    encode_slot_entry(block, slot_address(group_, disk, BlockKind::claim, slot), stamp);
    platters_[disk]->put(group_.geometry.claim_block(slot), block);
}

std::optional<SlotEntry> Stage::owner(std::size_t disk, std::uint32_t slot) const {
    const auto entry = decode_slot_entry(platters_[disk]->block(group_.geometry.owner_block(slot)),
                                         slot_address(group_, disk, BlockKind::owner, slot));
    return entry ? std::optional(*entry) : std::nullopt;
}

std::optional<SlotEntry> Stage::claim(std::size_t disk, std::uint32_t slot) const {
    const auto entry = decode_slot_entry(platters_[disk]->block(group_.geometry.claim_block(slot)),
                                         slot_address(group_, disk, BlockKind::claim, slot));
    return entry ? std::optional(*entry) : std::nullopt;
}

void Stage::settle() {
    say("all is well again");
    for (auto& path : paths_) {
        path->script = nullptr;
        path->land();
    }
    for (Actor& each : actors_) {
        if (!each.seated()) kill(each);
    }
    pass(std::chrono::seconds(31));
    for (std::size_t host = 0; host < homes_.size(); ++host) {
        Actor& last = mender(host);
        if (!until([&] { return last.over(); }))
            note(SlotFault::unsettled, "a mender does not end");
        kill(last);
    }
    judge_->must_be_settled();
}

void Stage::seated(const Resident& user) {
    say(fmt::format("a user of {} has slot {}", user.host().name, user.seat()->slot));
    judge_->seated(&user, user.seat()->slot, user.host().id, user.seat()->ring_index);
}

void Stage::landed(const SimPath& path, Platter& platter, std::uint64_t block, Landing) {
    const Extent table = group_.geometry.slot_table();
    if (judge_ && block >= table.first && block < table.first + table.count) {
        const auto slot = static_cast<std::uint32_t>((block - table.first) / 2);
        const bool stamp = block == group_.geometry.claim_block(slot);
        const auto entry = stamp ? claim(platter.number(), slot) : owner(platter.number(), slot);
        say(fmt::format("  {} of slot {} on disk {}: {}", stamp ? "claim" : "owner", slot,
                        platter.number(), entry ? describe(*entry) : "damaged"));
    }
    judge_->landed(path, platter, block);
}

bool Stage::found(SlotFault fault) const {
    return std::ranges::any_of(findings_, [&](const Finding& f) { return f.fault == fault; });
}

std::string Stage::told() const {
    std::string all;
    for (const Finding& finding : findings_) all += finding.sentence + "\n";
    return all;
}

void Stage::note(SlotFault fault, std::string sentence) {
    say("WRONG: " + sentence);
    findings_.push_back({fault, std::move(sentence)});
}

// DISKPAXOS_STORY=1: tells what happens.
void Stage::say(const std::string& what) const {
    static const bool loud = std::getenv("DISKPAXOS_STORY") != nullptr;
    if (!loud) return;
    fmt::print(stderr, "{:>14} {}\n", world_.now().time_since_epoch().count(), what);
}

}  // namespace diskpaxos::sim
