#include "api/strand.hpp"

#include <sys/eventfd.h>
#include <unistd.h>
#include <uuid/uuid.h>

#include <utility>

#include "base/check.hpp"
#include "io/signals_blocked.hpp"

namespace diskpaxos::library {

namespace {

std::string text_of(const Uuid& uuid) {
    std::string text(UUID_STR_LEN, '\0');
    uuid_unparse_lower(reinterpret_cast<const unsigned char*>(uuid.data()), text.data());
    text.pop_back();
    return text;
}

api::GroupFacts facts_of(node::OpenGroup& group) {
    const Roster& roster = group.roster();
    api::GroupFacts facts;
    facts.name = roster.common.name;
    facts.uuid = text_of(roster.common.group);
    facts.disks = static_cast<std::uint32_t>(roster.disks());
    facts.present = static_cast<std::uint32_t>(roster.present());
    facts.slot = group.group().seat()->slot;
    facts.ttl = std::chrono::milliseconds(roster.common.ttl_ms);
    return facts;
}

// A fork's copy of a thread that only its parent has can neither be joined nor destroyed.
void keep_for_ever(std::thread thread) {
    static auto* const kept = new std::vector<std::thread>;
    kept->push_back(std::move(thread));
}

}  // namespace

// ---- the desk ----

Strand::Desk::Desk(bool callbacks_at_once)
    : delivery(callbacks_at_once), fd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    CHECK(fd.number() >= 0);
}

bool Strand::Desk::hand_in(Job job) {
    const std::lock_guard guard(mutex_);
    if (closed_) return false;
    if (jobs_.empty()) CHECK(eventfd_write(fd.number(), 1) == 0);
    jobs_.push_back(std::move(job));
    return true;
}

void Strand::Desk::close() {
    const std::lock_guard guard(mutex_);
    closed_ = true;
    CHECK(eventfd_write(fd.number(), 1) == 0);
}

std::vector<Job> Strand::Desk::take(bool& closed) {
    const std::lock_guard guard(mutex_);
    eventfd_t count = 0;
    eventfd_read(fd.number(), &count);
    closed = closed_;
    return std::exchange(jobs_, {});
}

// ---- on the thread ----

void Strand::serve(std::shared_ptr<Desk> desk, node::OpenOptions options,
                   std::promise<Opened> opened) {
    desk->thread = std::this_thread::get_id();
    Opened result{std::unexpected(Error{}), {}};
    bool told = false;  // then nobody hears us any more
    options.warn = [&](const std::string& sentence) {
        if (!told) result.warnings.push_back(sentence);
    };
    Result<std::unique_ptr<node::OpenGroup>> group = node::OpenGroup::join(std::move(options));
    if (!group) {
        result.facts = std::unexpected(group.error());
        return opened.set_value(std::move(result));
    }
    Result<node::ThisHost> host = node::this_host((*group)->roster().common.group);
    if (!host) {
        result.facts = std::unexpected(host.error());
        return opened.set_value(std::move(result));
    }
    result.facts = facts_of(**group);
    told = true;
    opened.set_value(std::move(result));
    drive(*desk, **group, std::move(*host));
}

void Strand::drive(Desk& desk, node::OpenGroup& group, node::ThisHost host) {
    io::Loop& loop = group.real().loop();
    Event readable;
    Event over;
    loop.watch_fd(desk.fd.number(), readable);
    {
        Engine engine(group, std::move(host), desk.delivery);
        Scope scope(loop.queue());
        scope.spawn(take_jobs(desk, engine, readable, over));
        loop.run_until(over);
    }
    loop.forget_fd(desk.fd.number());
}

Task<void> Strand::take_jobs(Desk& desk, Engine& engine, Event& readable, Event& over) {
    for (;;) {
        co_await readable.wait();
        readable.reset();
        bool closed = false;
        const std::vector<Job> jobs = desk.take(closed);
        for (const Job& job : jobs) job(engine);
        if (closed) engine.wind_down(over);
    }
}

// ---- for the customers ----

Strand::Strand(std::shared_ptr<Desk> desk, std::thread thread)
    : pid_(getpid()), desk_(std::move(desk)), thread_(std::move(thread)) {}

Result<std::shared_ptr<Strand>> Strand::open(node::OpenOptions options, bool callbacks_at_once,
                                             std::vector<std::string>& warnings) {
    auto desk = std::make_shared<Desk>(callbacks_at_once);
    std::promise<Opened> promise;
    std::future<Opened> future = promise.get_future();
    std::thread thread;
    {
        const io::SignalsBlocked blocked;
        thread = std::thread(serve, desk, std::move(options), std::move(promise));
    }
    const std::shared_ptr<Strand> strand(new Strand(std::move(desk), std::move(thread)));
    Opened opened = future.get();
    warnings = std::move(opened.warnings);
    if (!opened.facts) return std::unexpected(opened.facts.error());
    strand->facts_ = std::move(*opened.facts);
    return strand;
}

Strand::~Strand() {
    close();
    if (forked())
        keep_for_ever(std::move(thread_));
    else if (thread_.joinable())
        thread_.detach();  // we are that thread: it ends by itself
}

// The callbacks may close the strand as well, or drop the last handle of it.
void Strand::dispatch_all(std::shared_ptr<Desk> desk) {
    while (desk->delivery.dispatch() > 0) {
    }
}

void Strand::close() {
    if (forked()) return;
    desk_->close();
    if (here()) return;
    {
        const std::lock_guard guard(closing_);
        if (thread_.joinable()) thread_.join();
    }
    dispatch_all(desk_);
}

std::size_t Strand::dispatch() {
    if (forked()) return 0;
    const std::shared_ptr<Desk> desk = desk_;  // a callback may drop the last handle
    return desk->delivery.dispatch();
}

Result<void> Strand::post(Job job) {
    if (forked()) {
        return std::unexpected(Error{
            Code::usage, "the group was opened before a fork(), by the parent; open it anew"});
    }
    if (desk_->hand_in(std::move(job))) return {};
    return std::unexpected(Error{Code::lost, "the group is closed"});
}

bool Strand::forked() const {
    return getpid() != pid_;
}

Error Strand::would_wait_for_itself() {
    return {Code::usage,
            "a callback on the library's own thread cannot wait for an answer; use "
            "the form of the call that ends in _async"};
}

// ---- the session of the handles ----

namespace {

Task<Result<void>> leave_and_forget(Engine& engine, std::uint64_t number) {
    const std::shared_ptr<Home> home = engine.home(number);
    if (home == nullptr) co_return Result<void>();
    Result<void> left = co_await home->leave(engine.deadline({}));
    co_await home->idle().wait();
    engine.forget_home(number);
    co_return left;
}

}  // namespace

Life::~Life() {
    // Fails if the group is closed, and the session left with it.
    (void)strand_->post([number = board_->number](Engine& engine) {
        const Then<void> nobody = [](const Result<void>&) {};
        engine.start<void>(leave_and_forget(engine, number), nobody);
    });
}

}  // namespace diskpaxos::library
