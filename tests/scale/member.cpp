#include "scale/member.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include "group/values.hpp"
#include "lock/lock.hpp"
#include "node/open_group.hpp"
#include "scale/outcome.hpp"

namespace diskpaxos::scale {

namespace {

constexpr Duration patience = std::chrono::seconds(20);

Task<bool> change_once(Directory& directory, Instant deadline) {
    const auto changed = co_await increment(directory, "figures/cell", 1, deadline);
    if (!changed) fail(changed.error().sentence);
    co_return true;
}

Task<bool> get_once(Directory& directory, Instant deadline) {
    const auto got = co_await directory.get("figures/cell", deadline);
    if (!got) fail(got.error().sentence);
    co_return true;
}

std::unique_ptr<node::OpenGroup> join(const Disks& disks) {
    node::OpenOptions options;
    options.disks = disks;
    auto group = node::OpenGroup::join(std::move(options));
    if (!group) fail(group.error().sentence);
    return std::move(*group);
}

// What it costs, from the counts of the loop.
struct Costs {
    io::Counts sum;

    void add(const io::Counts& before, const io::Counts& after) {
        for (const auto what : all) sum.*what += after.*what - before.*what;
    }
    std::string of_each(std::size_t operations) const {
        std::string text;
        static constexpr const char* names[] = {"submissions", "sends", "receives", "writes",
                                                "reads"};
        for (std::size_t i = 0; i < std::size(all); ++i) {
            text += fmt::format(", \"{}\": {:.2f}", names[i],
                                static_cast<double>(sum.*all[i]) / static_cast<double>(operations));
        }
        return text;
    }
    static constexpr std::uint64_t io::Counts::*all[] = {&io::Counts::submissions,
                                                         &io::Counts::sends, &io::Counts::receives,
                                                         &io::Counts::writes, &io::Counts::reads};
};

// Does it again and again: the times it took, and its costs.
template <class Operation>
void repeat(io::Loop& loop, Duration length, Operation once) {
    std::vector<Duration> times;
    Costs costs;
    const io::Counts before = loop.counts();
    const Instant begun = loop.now();
    Instant start = begun;
    for (const Instant end = start + length; start < end;) {
        once();
        const Instant done = loop.now();
        times.push_back(done - start);
        start = done;
    }
    costs.add(before, loop.counts());
    const std::string more = costs.of_each(times.size());
    show(std::move(times), start - begun, more);
}

Task<bool> acquire_and_release(Lock& lock, Instant deadline) {
    const LockWish wish{.wait = true, .until = deadline, .patience = patience};
    const Result<std::uint64_t> token = co_await lock.acquire(wish);
    if (!token) fail(token.error().sentence);
    const Result<void> released = co_await lock.release(deadline);
    if (!released) fail(released.error().sentence);
    co_return true;
}

}  // namespace

void use_cell(bool changing, Duration length, const Disks& disks) {
    {
        auto writer = join(disks);  // so that somebody else has changed it last
        Directory directory(writer->group());
        writer->run(change_once(directory, writer->deadline()));
    }
    auto group = join(disks);
    Directory directory(group->group());
    const auto once = [&] {
        const Instant deadline = group->deadline();
        group->run(changing ? change_once(directory, deadline) : get_once(directory, deadline));
    };
    once();
    repeat(group->real().loop(), length, once);
}

void change_cold(Duration length, const Disks& disks) {
    std::vector<Duration> times;
    Costs costs;
    Duration sum{};
    for (const Instant end = io::boot_time() + length; io::boot_time() < end;) {
        auto group = join(disks);
        io::Loop& loop = group->real().loop();
        Directory directory(group->group());
        const io::Counts before = loop.counts();
        const Instant start = loop.now();
        group->run(change_once(directory, group->deadline()));
        times.push_back(loop.now() - start);
        sum += times.back();
        costs.add(before, loop.counts());
    }
    const std::string more = costs.of_each(times.size());
    show(std::move(times), sum, more);
}

void hold_lock(const std::string& name, Duration length, const Disks& disks) {
    auto group = join(disks);
    Directory directory(group->group());
    const SessionOwner owner{"figures", {}, static_cast<std::uint32_t>(getpid()), "figures", 0};
    Session session(group->world(), directory,
                    static_cast<std::uint16_t>(group->group().seat()->slot), owner);
    const Result<void> opened = group->run(session.open(group->deadline()));
    if (!opened) fail(opened.error().sentence);
    {
        Lock lock(group->world(), directory, session, name);
        const auto once = [&] { group->run(acquire_and_release(lock, group->deadline())); };
        once();
        repeat(group->real().loop(), length, once);
    }
    const Result<void> left = group->run(session.leave(group->deadline()));
    if (!left) fail(left.error().sentence);
}

}  // namespace diskpaxos::scale
