// Values, under names as people use them: bench/P.I is that of loop I in process P.
#include "group/values.hpp"

#include <fmt/format.h>

#include "bench/yardstick/member.hpp"
#include "bench/yardstick/operations.hpp"
#include "system/child.hpp"

namespace diskpaxos::yardstick {

namespace {

std::string name_of(unsigned process, unsigned number) {
    return fmt::format("bench/{}.{}", process, number);
}

// A name that finds no cell means that the group was made too small for what is wished for.
[[noreturn]] void refused(Error error) {
    if (error.code == Code::full) error.code = Code::usage;
    fail(error);
}

Task<void> change_once(Directory& directory, std::string name, Instant deadline) {
    const Result<Named> changed = co_await increment(directory, name, 1, deadline);
    if (!changed) refused(changed.error());
}

Task<void> read_once(Directory& directory, std::string name, Instant deadline) {
    const Result<Named> got = co_await directory.get(name, deadline);
    if (!got) refused(got.error());
    if (got->state != CellState::set) fail(fmt::format("{} has no value", name));
}

using Once = Task<void> (*)(Directory& directory, std::string name, Instant deadline);

Task<void> again_and_again(node::OpenGroup& group, Directory& directory, Meter& meter,
                           std::string name, Once once) {
    const io::Counts& counts = group.real().loop().counts();
    for (bool more = true; more;) {
        const Moment start = now();
        auto operation = once(directory, name, group.deadline());
        co_await operation;
        const Moment done = now();
        meter.note(0, start, done);
        more = meter.lap(counts, done);
    }
}

// The same processes again and again, each with names that it was the last to change.
void steady(const Wish& wish, const char* series, Once once) {
    Performance done = perform(wish, Load::steady, {series}, [&](Meter& meter) {
        auto group = join(wish, wish.processes);
        Directory directory(group->group());
        for (unsigned i = 0; i < wish.concurrency; ++i) {
            finish(*group, change_once(directory, name_of(meter.me(), i), group->deadline()));
        }
        io::Loop& loop = group->real().loop();
        meter.ready(loop);
        Scope scope(loop.queue());
        for (unsigned i = 0; i < wish.concurrency; ++i) {
            scope.spawn(again_and_again(*group, directory, meter, name_of(meter.me(), i), once));
        }
        loop.run_until(scope.idle());
    });
    done.outcome.print();
}

}  // namespace

void change(const Wish& wish) {
    steady(wish, "change", change_once);
}

void read(const Wish& wish) {
    steady(wish, "read", read_once);
}

// ---- by processes that are new to it

namespace {

// What one of them does with one name, and notes itself.
using First = std::function<Task<void>(Meter& meter, node::OpenGroup& group, Directory& directory,
                                       unsigned number)>;

Performance cold(const Wish& wish, std::vector<std::string> series, const First& first) {
    return perform(wish, Load::sparse, std::move(series), [&](Meter& meter) {
        meter.ready();
        while (!meter.over()) {
            auto group = join(wish, wish.processes);
            io::Loop& loop = group->real().loop();
            Directory directory(group->group());
            Scope scope(loop.queue());
            if (meter.warm()) meter.resume(loop.counts());
            for (unsigned i = 0; i < wish.concurrency; ++i) {
                scope.spawn(first(meter, *group, directory, i));
            }
            loop.run_until(scope.idle());
            meter.pause(loop.counts());
        }
    });
}

Task<void> change_first(Meter& meter, node::OpenGroup& group, Directory& directory,
                        unsigned number) {
    const Moment start = now();
    auto operation = change_once(directory, name_of(meter.me(), number), group.deadline());
    co_await operation;
    meter.note(0, start, now());
    meter.count();
}

Task<void> read_twice(Meter& meter, node::OpenGroup& group, Directory& directory, unsigned number) {
    for (const std::size_t series : {0U, 1U}) {
        const Moment start = now();
        auto operation = read_once(directory, name_of(meter.me(), number), group.deadline());
        co_await operation;
        meter.note(series, start, now());
        meter.count();
    }
}

Task<void> decide(Meter& meter, Directory& directory, std::string name, Instant deadline) {
    const Moment start = now();
    const Result<Named> decided = co_await propose(directory, name, "mine", deadline);
    const Moment done = now();
    if (!decided) refused(decided.error());
    meter.note(decided->applied ? 0 : 1, start, done);
    meter.count();
}

}  // namespace

void change_cold(const Wish& wish) {
    cold(wish, {"change"}, change_first).outcome.print();
}

// What nobody changes meanwhile, by processes that have never written it.
void read_other(const Wish& wish) {
    speak_for_all();
    Child writer([&] {
        auto group = join(wish, 1);
        Directory directory(group->group());
        for (unsigned i = 0; i < wish.processes * wish.concurrency; ++i) {
            const std::string name = name_of(i / wish.concurrency, i % wish.concurrency);
            finish(*group, change_once(directory, name, group->deadline()));
        }
    });
    expect_success(writer.wait());
    cold(wish, {"first", "again"}, read_twice).outcome.print();
}

// A name is decided once, and keeps its cell for ever. So that what is measured is not the crowding
// of a full table, a quarter of the cells is used; then come names again that are decided already,
// which are told apart.
void propose(const Wish& wish) {
    const auto names = std::make_shared<std::uint32_t>(0);
    const First first = [&, names](Meter& meter, node::OpenGroup& group, Directory& directory,
                                   unsigned) {
        const std::uint32_t share = group.roster().common.geometry.cells / 4 / wish.processes;
        const std::uint32_t number = (*names)++ % std::max(share, wish.concurrency);
        const std::string name = fmt::format("decide/{}.{}", meter.me(), number);
        return decide(meter, directory, name, group.deadline());
    };
    Performance done = cold(wish, {"propose", "propose decided"}, first);
    const auto fresh = static_cast<double>(done.outcome.series[0].operations);
    done.outcome.more = member("fresh", fresh);
    done.outcome.print();
}

}  // namespace diskpaxos::yardstick
