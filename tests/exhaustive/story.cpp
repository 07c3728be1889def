#include "story.hpp"

#include <fmt/format.h>

#include <memory>

namespace diskpaxos::exhaustive {

namespace {

std::string rank_text(const Rank& rank) {
    return rank.none() ? "-" : fmt::format("{}.p{}", rank.round, rank.proposer.slot());
}

std::string value_text(const Block& block, bool cells) {
    if (block.value.empty()) return "-";
    // Of a cell's record: the version, and the counter behind the header and the entries.
    if (cells) {
        return fmt::format("version {} = {}", std::to_integer<unsigned>(block.value[0]),
                           std::to_integer<unsigned>(block.value.back()));
    }
    return fmt::format("{}", std::to_integer<unsigned>(block.value[0]));
}

// The cast: every process alive on a stage of its own.
class Cast {
  public:
    Cast(Search& search, const State& state) : search_(search), cells_(false) {
        cells_ = !bare(search.cluster().roles.front().acts.front());
        for (std::size_t i = 0; i < search.cluster().roles.size(); ++i) {
            stages_.push_back(std::make_unique<Stage>(search.cluster(), contents_));
            actors_.emplace_back();
            enter(i, state);
        }
    }

    void enter(std::size_t actor, const State& state) {
        actors_[actor].reset();
        actors_[actor] = std::make_unique<Actor>(*stages_[actor], search_.cluster().roles[actor],
                                                 state.incarnation[actor]);
        compare(actor, state.node[actor]);
    }

    void act(std::size_t actor, const Input& input, NodeId now) {
        Input own = input;  // contents are numbered per world
        for (Content& content : own.row) content = translate(content);
        actors_[actor]->happen(own);
        compare(actor, now);
    }

    std::string describe(Content content) {
        if (content == initial) return "the initial block";
        if (content == unknown) return "a damaged block";
        const Block& block = search_.contents().block(content);
        return fmt::format("promised {}, accepted {}, value {}", rank_text(block.promised),
                           rank_text(block.accepted), value_text(block, cells_));
    }

    // What a step asks for.
    std::string ask(Content content) {
        const Block& asked = search_.contents().block(content);
        if (asked.accepted.none()) return "read at " + rank_text(asked.promised);
        return fmt::format("write {} at {}, promise {}", value_text(asked, cells_),
                           rank_text(asked.accepted), rank_text(asked.promised));
    }

  private:
    void compare(std::size_t actor, NodeId now) {
        const std::size_t disks = search_.cluster().disks;
        CHECK(digest_of(actors_[actor]->portrait(), disks) ==
              digest_of(search_.atlas()[now].portrait, disks));
    }
    Content translate(Content content) {
        if (content <= unknown) return content;
        const BlockAddress address{.disk = 1};
        Bytes bytes(512);
        search_.contents().encode(bytes, address, content);
        return contents_.intern(bytes, address);
    }

    Search& search_;
    Contents contents_;
    std::vector<std::unique_ptr<Stage>> stages_;
    std::vector<std::unique_ptr<Actor>> actors_;
    bool cells_;
};

char letter(std::size_t disk) {
    return static_cast<char>('A' + disk);
}

std::string outcome_text(const Outcome& outcome) {
    switch (outcome.kind) {
        case Outcome::Kind::decided:
            return fmt::format("decides {}", outcome.value);
        case Outcome::Kind::increased:
            return outcome.value == 0
                       ? "is told that it has counted, but not to what"
                       : fmt::format("is told that it has counted to {}", outcome.value);
        case Outcome::Kind::got:
            return fmt::format("is told that the value is {}", outcome.value);
        case Outcome::Kind::unmet:
            return fmt::format("is told no: the value is {}", outcome.value);
        case Outcome::Kind::nothing:
            return "is told that nothing has happened";
        case Outcome::Kind::unsure:
            return "is told that nobody knows";
    }
    UNREACHABLE();
}

const char* verdict_text(StepVerdict verdict) {
    switch (verdict) {
        case StepVerdict::done:
            return "done";
        case StepVerdict::refused:
            return "refused";
        case StepVerdict::conflict:
            return "conflict";
        case StepVerdict::damaged:
            return "damaged";
        case StepVerdict::above:
            return "above";
    }
    UNREACHABLE();
}

std::string place_text(const Search& search, const State& state, Place place) {
    for (std::size_t i = 0; i < search.cluster().roles.size(); ++i) {
        if (search.place_of(state, i) == place) return fmt::format("p{}'s block", i);
    }
    return fmt::format("an older block of p{}", place / search.cluster().ring);
}

std::string step_text(Search& search, Cast& cast, const State& state, const Choice& choice) {
    using Kind = Choice::Kind;
    const int p = choice.actor;
    const char disk = letter(choice.disk);
    switch (choice.kind) {
        case Kind::repeat:
            return fmt::format("p{}'s step on {} is taken, and will be again: {}", p, disk,
                               cast.ask(search.request_of(state, choice).content));
        case Kind::land_and_haunt:
        case Kind::land:
            if (search.is_active(choice.disk)) {
                const Content asked = search.request_of(state, choice).content;
                const StepVerdict verdict =
                    search.execute(state.disk[choice.disk][0], asked).verdict;
                return fmt::format("p{} steps on {}: {}: {}", p, disk, cast.ask(asked),
                                   verdict_text(verdict));
            }
            return fmt::format("p{} writes to {}: {}", p, disk,
                               cast.describe(search.request_of(state, choice).content));
        case Kind::read:
            return fmt::format("p{} reads {} on {}: {}", p,
                               search.is_active(choice.disk)
                                   ? "the register"
                                   : place_text(search, state, choice.place),
                               disk, cast.describe(state.disk[choice.disk][choice.place]));
        case Kind::time_out:
            return fmt::format("p{} has waited long enough", p);
        case Kind::expire:
            return fmt::format("p{}'s operation meets its deadline", p);
        case Kind::begin:
            return fmt::format("p{} begins its next operation", p);
        case Kind::crash:
            return fmt::format("p{} crashes and starts anew", p);
        case Kind::crash_torn:
            return fmt::format("p{} crashes, its write to {} torn, and starts anew", p, disk);
        case Kind::haunt:
            if (search.is_active(choice.disk)) {
                return fmt::format("a late step is taken on {}: {}", disk,
                                   cast.ask(state.ghost[choice.place].content));
            }
            return fmt::format("a late write lands on {}, in {}: {}", disk,
                               place_text(search, state, state.ghost[choice.place].place),
                               cast.describe(state.ghost[choice.place].content));
        case Kind::spoil:
            return fmt::format("disk {} loses all its blocks", disk);
        case Kind::snapshot:
            return fmt::format("disk {} is copied aside", disk);
        case Kind::restore:
            return fmt::format("disk {} falls back to the copy", disk);
        case Kind::error:
            return fmt::format("p{} is told that its write to {} failed: {}", p, disk,
                               cast.describe(search.request_of(state, choice).content));
    }
    UNREACHABLE();
}

}  // namespace

Story tell(Search& search, const std::vector<Choice>& schedule) {
    Story story;
    State state = search.start();
    Cast cast(search, state);
    search.listen(
        [&](std::size_t actor, const Input& input, NodeId now) { cast.act(actor, input, now); });
    for (const Choice& choice : schedule) {
        std::string line = step_text(search, cast, state, choice);
        const std::size_t told = search.atlas()[state.node[choice.actor]].portrait.outcomes.size();
        CHECK(search.step(state, choice, story.ending));
        const bool crashed =
            choice.kind == Choice::Kind::crash || choice.kind == Choice::Kind::crash_torn;
        if (crashed) cast.enter(choice.actor, state);
        const auto& outcomes = search.atlas()[state.node[choice.actor]].portrait.outcomes;
        for (std::size_t i = told; !crashed && i < outcomes.size(); ++i) {
            line += fmt::format("; p{} {}", choice.actor, outcome_text(outcomes[i]));
        }
        story.lines.push_back(line);
    }
    search.listen(nullptr);
    return story;
}

}  // namespace diskpaxos::exhaustive
