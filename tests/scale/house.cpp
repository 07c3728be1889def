#include "scale/house.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <charconv>

#include "group/format.hpp"

namespace diskpaxos::scale {

namespace {

using namespace std::chrono_literals;
using Kind = sim::Operation::Kind;
using Fate = sim::Operation::Fate;

constexpr Duration patience = 60s;    // of one operation
constexpr unsigned one_dies_in = 64;  // clients

class NoLocks final : public SlotLocks {
  public:
    bool try_lock(Disk&, std::uint32_t) override { return false; }
    void unlock(Disk&, std::uint32_t) override {}
    void doubt(Disk&, std::uint32_t, Duration) override {}  // no lock is ever had
};

std::unique_ptr<node::OpenGroup> open(const std::vector<std::string>& urls) {
    node::OpenOptions options;
    options.disks = urls;
    auto group = node::OpenGroup::open(std::move(options));
    if (!group) fmt::print(stderr, "{}\n", group.error().sentence);
    CHECK(group.has_value());
    return std::move(*group);
}

std::uint64_t number_in(const Named& named) {
    const std::string_view text = as_text(named.value);
    std::uint64_t number = 0;
    std::from_chars(text.data(), text.data() + text.size(), number);
    return number;
}

}  // namespace

Geometry geometry_for(const Order& order) {
    return {.block_size = 512, .slots = 128, .ring = 2, .cells = 4 * order.names, .active = true};
}

void format(const std::vector<std::string>& urls, const Order& order) {
    auto real = node::RealWorld::make(io::Backend::automatic, [](const std::string&) {});
    CHECK(real.has_value());
    auto active = (*real)->open_urls(urls, patience, urls.size());
    Geometry geometry = geometry_for(order);
    geometry.active = false;  // of the group: which disks are is found out
    FormatPlan plan;
    plan.superblock = new_superblock("crowd", urls.size(), geometry, 10'000, 0);
    for (std::size_t i = 0; i < urls.size(); ++i) {
        CHECK(active[i] && *active[i]);
        plan.disks.push_back(&(*real)->add(urls[i], std::move(**active[i])));
    }
    plan.host.name = "crowd";
    const bool stop = false;
    Formatter formatter((*real)->world(), std::move(plan), [](std::uint64_t) {});
    const Result<void> done = (*real)->run(formatter.run(stop));
    CHECK(done.has_value());
}

House::House(const std::vector<std::string>& urls, const Order& order, Notes& notes)
    : urls_(urls),
      order_(order),
      notes_(notes),
      opened_(open(urls)),
      real_(&opened_->real()),
      random_(static_cast<std::uint64_t>(getpid())) {}

void House::run() {
    Scope scope(real_->loop().queue());
    for (unsigned i = 0; i < order_.alive; ++i) scope.spawn(welcome_clients());
    real_->loop().run_until(scope.idle());
}

// One after the other.
Task<void> House::welcome_clients() {
    for (;;) {
        const unsigned client = notes_.board().next++;
        if (client >= order_.clients) co_return;
        {
            Scope life(real_->loop().queue());
            life.spawn(live(client));
            if (random_.one_in(one_dies_in)) {
                const auto time = std::chrono::microseconds(random_.below(20'000));
                const bool lived = co_await life.idle().wait_until(real_->loop(), in(time));
                if (!lived) ++notes_.board().killed;
            } else {
                co_await life.idle().wait();
            }
        }
        ++notes_.board().gone;
    }
}

Task<void> House::live(unsigned client) {
    Connections connections;  // die after the group
    Roster roster;
    if (order_.own_connections) {
        Result<Roster> own = co_await connect(connections);
        if (!own) {
            fail(own.error());
            co_return;
        }
        roster = std::move(*own);
    } else {
        roster = opened_->roster();
    }
    const unsigned wanted = random_.one_in(hot_share) ? hot_names : order_.names;
    const auto name = static_cast<unsigned>(random_.below(wanted));
    Group group(opened_->world(), std::move(roster));
    co_await act(group, name, notes_.of_client(client));
}

Task<Result<Roster>> House::connect(Connections& connections) {
    std::vector<Disk*> disks;
    const Instant deadline = in(patience);
    for (const std::string& url : urls_) {
        auto disk =
            co_await remote::AgentDisk::open(opened_->world(), real_->loop(), url, patience);
        while (!disk && real_->loop().now() < deadline) {  // those who left are still being noticed
            ++notes_.board().turned_away;
            co_await real_->loop().sleep(100ms);
            auto again = remote::AgentDisk::open(opened_->world(), real_->loop(), url, patience);
            disk = co_await again;
        }
        if (!disk) co_return std::unexpected(disk.error());
        connections.push_back(std::move(*disk));
        disks.push_back(connections.back().get());
    }
    Assembly assembly(opened_->world(), std::move(disks));
    auto assembled = assembly.run(true, in(patience));
    Result<Roster> roster = co_await assembled;
    co_return roster;
}

Task<void> House::act(Group& group, unsigned name, std::span<Note> notes) {
    NoLocks locks;
    SeatWish wish;
    const Result<void> seat = co_await group.take_seat(locks, std::move(wish), in(patience));
    CHECK(seat.has_value());
    Directory directory(group);
    std::uint64_t version = 0;  // as it was told last
    const std::size_t count = 1 + random_.below(notes.size());
    for (Note& note : notes.first(count)) {
        static constexpr Kind kinds[] = {Kind::get, Kind::add, Kind::swap};
        note.name = name;
        note.operation.kind = kinds[random_.below(is_counter(name) ? 2 : 3)];
        note.operation.argument = 1 + random_.below(1000);
        note.operation.expected = version;
        note.operation.start = now();
        note.begun = true;
        Result<Named> result = co_await perform(directory, text_of(name), note.operation);
        conclude(note, result);
        if (result) version = result->version;
    }
}

Task<Result<Named>> House::perform(Directory& directory, std::string name, sim::Operation asked) {
    const Instant deadline = in(patience);
    if (asked.kind == Kind::get) {
        Result<Named> got = co_await directory.get(std::move(name), deadline);
        co_return got;
    }
    if (asked.kind == Kind::add) {
        const auto by = static_cast<std::int64_t>(asked.argument);
        Result<Named> added = co_await increment(directory, std::move(name), by, deadline);
        co_return added;
    }
    std::string value = std::to_string(asked.argument);
    Result<Named> swapped = co_await compare_and_swap(directory, std::move(name), asked.expected,
                                                      std::move(value), deadline);
    co_return swapped;
}

void House::conclude(Note& note, const Result<Named>& result) {
    sim::Operation& operation = note.operation;
    operation.end = now();
    if (result) {
        operation.fate = Fate::happened;
        operation.applied = operation.kind != Kind::get && result->applied;
        if (operation.kind == Kind::get || result->exact) {
            operation.seen = sim::Content{result->version, number_in(*result)};
        }
    } else if (result.error().code == Code::no_quorum) {
        operation.fate = Fate::never;
    } else if (result.error().code != Code::unknown_outcome) {
        fail(result.error());
    }
    note.ended = true;
}

void House::read_names() {
    constexpr unsigned at_once = 64;
    Scope scope(real_->loop().queue());
    for (unsigned i = 0; i < at_once; ++i) scope.spawn(read_some(i));
    real_->loop().run_until(scope.idle());
}

Task<void> House::read_some(unsigned first) {
    Group group(opened_->world(), opened_->roster());
    NoLocks locks;
    SeatWish wish;
    const Result<void> seat = co_await group.take_seat(locks, std::move(wish), in(patience));
    CHECK(seat.has_value());
    Directory directory(group);
    for (unsigned name = first; name < order_.names; name += 64) {
        Note& note = notes_.last(order_)[name];
        note.name = name;
        note.operation.start = now();
        note.begun = true;
        Result<Named> result = co_await directory.get(text_of(name), in(patience));
        conclude(note, result);
    }
}

void House::fail(const Error& error) {
    if (notes_.board().failed++ < 10)
        fmt::print(stderr, "{}: {}\n", word(error.code), error.sentence);
}

}  // namespace diskpaxos::scale
