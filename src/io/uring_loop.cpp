#include <sys/poll.h>

#include <algorithm>
#include <cerrno>
#include <csignal>

#include "base/check.hpp"
#include "io/uring.hpp"

namespace diskpaxos::io {

namespace {

constexpr unsigned ring_entries = 256;
constexpr unsigned completion_entries = 2048;  // 15 disks × 64 requests × 2 steps, and room

// Requests that would block on their way down are handed to kernel threads, eight by default for
// the whole ring: enough requests to a hung disk would take them all from its neighbours.
constexpr unsigned kernel_threads = 15 * UringDisk::most_in_flight;

// Requests of disks are aligned pointers, tagged 0 or 1; those of sockets 4 or 5. A watch is a
// number, tagged 2.
constexpr std::uint64_t socket_tag = 4;
constexpr std::uint64_t tags = 7;
constexpr std::uint64_t watch_tag = 2;
constexpr std::uint64_t data_of(std::uint64_t serial) {
    return serial << 2 | watch_tag;
}
constexpr bool is_watch(std::uint64_t data) {
    return (data & watch_tag) != 0;
}
constexpr bool is_socket(std::uint64_t data) {
    return !is_watch(data) && (data & socket_tag) != 0;
}
constexpr std::uint64_t nobodys = 0;  // serial of what no watch waits for
static_assert(alignof(Io) > tags / 2 && alignof(UringSocket) > tags / 2);

constexpr std::uint64_t least_patience = 100'000;   // ns; below it the clock tells nothing
constexpr std::uint64_t most_patience = 2'000'000;  // ns; also for disks that we do not know yet

}  // namespace

std::expected<std::unique_ptr<UringLoop>, int> UringLoop::make(bool multishot) {
    std::unique_ptr<UringLoop> loop(new UringLoop);
    loop->multishot_ = multishot;
    // Completions by our own thread and only when it asks: cheapest first, older kernels later.
    // No kernel thread that polls (SQPOLL): it costs the tail of the latency dearly.
    constexpr std::array<unsigned, 3> wishes = {
        IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_SUBMIT_ALL,
        IORING_SETUP_COOP_TASKRUN | IORING_SETUP_SUBMIT_ALL, 0};
    int refusal = 0;
    for (const unsigned flags : wishes) {
        io_uring_params parameters{};
        parameters.flags = flags | IORING_SETUP_CQSIZE;
        parameters.cq_entries = completion_entries;
        refusal = io_uring_queue_init_params(ring_entries, &loop->ring_, &parameters);
        if (refusal == 0) break;
        loop->ring_.ring_fd = -1;
        if (refusal != -EINVAL) return std::unexpected(-refusal);
    }
    if (refusal != 0) return std::unexpected(-refusal);
    constexpr unsigned needed = IORING_FEAT_EXT_ARG | IORING_FEAT_NODROP;
    if ((loop->ring_.features & needed) != needed) return std::unexpected(ENOSYS);

    // A filter may let a ring be made, and not be entered.
    const int entered =
        io_uring_enter(static_cast<unsigned>(loop->ring_.ring_fd), 0, 0, 0, nullptr);
    if (entered < 0) return std::unexpected(-entered);  // errno is not set
    loop->registered_ = io_uring_register_ring_fd(&loop->ring_) == 1;
    std::array<unsigned, 2> most_threads = {kernel_threads, kernel_threads};
    io_uring_register_iowq_max_workers(&loop->ring_, most_threads.data());  // kernel 5.15 and later
    for (unsigned i = 0; loop->ring_.sq.array != nullptr && i < ring_entries; ++i) {
        loop->ring_.sq.array[i] = i;  // entries always go down in their own order: see enter()
    }
    return loop;
}

UringLoop::~UringLoop() {
    CHECK(disks_.empty() && sockets_ == closed_);
    while (closed_ > 0) {  // what is in flight ends now: the sockets have been shut down
        enter(1, std::chrono::milliseconds(10));
        reap();
    }
    if (ring_.ring_fd >= 0) io_uring_queue_exit(&ring_);
}

std::unique_ptr<Disk> UringLoop::attach(const OpenDisk& disk, std::uint32_t block_size) {
    return std::make_unique<UringDisk>(*this, disk, block_size);
}

io_uring_sqe& UringLoop::entry() {
    make_room(1);
    return *io_uring_get_sqe(&ring_);
}

void UringLoop::make_room(unsigned count) {
    while (io_uring_sq_space_left(&ring_) < count) enter(0, Duration::zero());
}

// The answers to one submission come at nearly the same time from disks that are nearly equally
// fast, so one wait can gather them all. A disk that is slower than twice the middle one is not
// waited for, and no disk for longer than that: a slow or hung disk may not hold up a majority.
//
// As long as every disk has one request at most, those that went down earlier are waited for as
// well. Otherwise a disk that was late once would stay out of step for ever: its answer would end
// the wait for the others, and its next request go down by itself, each time.
UringLoop::Gathering UringLoop::gather() {
    const std::int64_t now = this->now().time_since_epoch().count();
    bool one_each = true;
    usual_.clear();
    for (const UringDisk* disk : disks_) {
        if (disk->due_ > 0) usual_.push_back(disk->usual());
        one_each = one_each && disk->flying_ <= 1;
    }
    if (usual_.empty()) return {};
    const auto middle = usual_.begin() + static_cast<std::ptrdiff_t>(usual_.size() / 2);
    std::ranges::nth_element(usual_, middle);
    const std::uint64_t prompt =
        *middle == 0 ? most_patience : std::clamp(2 * *middle, least_patience, most_patience);

    unsigned answers = 0;
    for (UringDisk* disk : disks_) {
        const bool overdue = now - disk->started_ > static_cast<std::int64_t>(prompt);
        const unsigned due = one_each && !overdue ? disk->due_ : disk->fresh_;
        if (disk->usual() <= prompt) answers += due;
        disk->fresh_ = 0;
    }
    if (sockets_ > 0) return {};  // a message may come that nobody has asked for
    if (answers == 0) return {};
    return {.answers = answers, .patience = Duration(prompt)};
}

void UringLoop::turn(Duration longest) {
    ask_for_watches();
    ask_for_sockets();
    if (io_uring_sq_ready(&ring_) > 0 || io_uring_cq_ready(&ring_) == 0) {
        Gathering gathering = gather();
        // A send that was not taken has completed, too: it may not wait long for its second try.
        if (prompt_ > 0) gathering.patience = std::min(gathering.patience, Duration(most_patience));
        enter(prompt_ + gathering.answers, std::min(longest, gathering.patience));
    }
    reap();
}

void UringLoop::submit() {
    gather();
    ask_for_sockets();
    while (io_uring_sq_ready(&ring_) > 0) enter(0, Duration::zero());
}

// One system call: submits all entries and waits for `answers` completions. Not by liburing's own
// functions, which go round again after a time-out, so that a hung disk would cost it twice.
void UringLoop::enter(unsigned answers, Duration longest) {
    ring_.sq.sqe_head = ring_.sq.sqe_tail;
    io_uring_smp_store_release(ring_.sq.ktail, ring_.sq.sqe_tail);
    const unsigned entries = ring_.sq.sqe_tail - io_uring_smp_load_acquire(ring_.sq.khead);
    ++(entries > 0 ? counts_.submissions : counts_.waits);

    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(longest);
    __kernel_timespec time{.tv_sec = seconds.count(), .tv_nsec = (longest - seconds).count()};
    io_uring_getevents_arg argument{};
    argument.sigmask_sz = _NSIG / 8;
    argument.ts = reinterpret_cast<std::uintptr_t>(&time);
    unsigned flags = IORING_ENTER_EXT_ARG;
    if (answers > 0 || entries == 0) flags |= IORING_ENTER_GETEVENTS;
    if (registered_) flags |= IORING_ENTER_REGISTERED_RING;
    const int result =
        io_uring_enter2(static_cast<unsigned>(ring_.enter_ring_fd), entries, answers, flags,
                        reinterpret_cast<sigset_t*>(&argument), sizeof argument);
    // Nothing has come in time, or the kernel is short of something for the moment: what was not
    // taken stays in the ring for the next turn.
    CHECK(result >= 0 || result == -ETIME || result == -EINTR || result == -EAGAIN ||
          result == -EBUSY);
    if (entries > 0 && (result < 0 || static_cast<unsigned>(result) < entries)) note_cut();
    if (result == -EAGAIN || result == -EBUSY) reap();
}

// The kernel has taken only some of the entries. If it stopped between the write and the read of a
// visit, these two are no chain any more; a read that does not wait for its write proves nothing.
void UringLoop::note_cut() {
    const unsigned head = io_uring_smp_load_acquire(ring_.sq.khead);
    if (head == ring_.sq.sqe_tail) return;
    const std::uint64_t data = ring_.sq.sqes[head & ring_.sq.ring_mask].user_data;
    if (is_watch(data) || is_socket(data)) return;
    if ((data & 1) == static_cast<std::uint64_t>(UringDisk::Step::write)) return;
    Io& io = *reinterpret_cast<Io*>(data);
    flight_of(io).cut = io.kind == Io::Kind::visit;
}

void UringLoop::reap() {
    io_uring_cqe* completion = nullptr;
    while (io_uring_cq_ready(&ring_) > 0 && io_uring_peek_cqe(&ring_, &completion) == 0) {
        const std::uint64_t data = completion->user_data;
        const int result = completion->res;
        const unsigned flags = completion->flags;
        io_uring_cqe_seen(&ring_, completion);
        if (is_watch(data)) {
            watched(data);
            continue;
        }
        if (is_socket(data)) {
            auto& socket = *reinterpret_cast<UringSocket*>(data & ~tags);
            socket.answered(static_cast<UringSocket::Request>(data & 1), result, flags);
            continue;
        }
        Io& io = *reinterpret_cast<Io*>(data & ~std::uint64_t{1});
        if (flight_of(io).disk == nullptr) continue;  // abandoned; nobody wants to know
        auto& disk = static_cast<UringDisk&>(*flight_of(io).disk);
        disk.answered(io, static_cast<UringDisk::Step>(data & 1), result);
    }
}

void UringLoop::ask_for_watches() {
    for (Watch& watch : watches_) {
        if (!watch.due()) continue;
        io_uring_sqe& poll = entry();
        io_uring_prep_poll_add(&poll, watch.fd, static_cast<unsigned>(watch.events));
        poll.user_data = data_of(watch.serial);
        watch.asked = true;
    }
}

void UringLoop::watched(std::uint64_t data) {
    for (Watch& watch : watches_) {
        if (data_of(watch.serial) != data) continue;
        watch.asked = false;
        watch.ready->set();
    }
}

// At once, and so that the kernel does it now: as long as the ring holds the file open, its other
// end does not see it closed.
void UringLoop::forget(const Watch& watch) {
    io_uring_sqe& removal = entry();
    io_uring_prep_poll_remove(&removal, data_of(watch.serial));
    removal.user_data = data_of(nobodys);
    enter(1, Duration::zero());
}

}  // namespace diskpaxos::io
