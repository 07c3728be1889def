#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/check.hpp"
#include "io/aside.hpp"
#include "remote/agent_disk.hpp"

namespace diskpaxos::remote {

namespace {

using namespace std::chrono_literals;

constexpr Duration first_pause = 10ms;
constexpr Duration longest_pause = 1s;
constexpr std::size_t least_room = 4096;  // to receive into

// The resolver may take its time over a name, and a process that opens one disk more has others to
// attend to.
Task<Result<Peer>> look_up(io::Loop& loop, Url url) {
    if (net::is_numeric(url.address)) co_return find_peer(std::move(url));
    const std::string name = url.name;
    std::function<Result<Peer>()> work = [url = std::move(url)] { return find_peer(url); };
    auto asking = io::aside<Result<Peer>>(loop, std::move(work));
    std::optional<Result<Peer>> peer = co_await asking;
    if (peer) co_return std::move(*peer);
    co_return std::unexpected(Error{Code::io, name + ": no thread or descriptor to look its host up"});
}

}  // namespace

Task<Result<std::unique_ptr<AgentDisk>>> AgentDisk::open(World& world, io::Loop& loop,
                                                         std::string url, Duration time_out) {
    auto parsed = parse_url(url);
    if (!parsed) co_return std::unexpected(parsed.error());
    auto looking = look_up(loop, std::move(*parsed));
    auto peer = co_await looking;
    if (!peer) co_return std::unexpected(peer.error());
    std::unique_ptr<AgentDisk> disk(new AgentDisk(world, loop, std::move(*peer), time_out));
    auto connection = co_await greet(loop, disk->peer_, world.clock.now() + time_out);
    if (!connection) co_return std::unexpected(connection.error());
    disk->welcome_ = connection->welcome;
    disk->rights_ = connection->rights;
    disk->adopt(std::move(*connection));
    disk->scope_.spawn(disk->live());
    disk->scope_.spawn(disk->keep_time());
    co_return disk;
}

AgentDisk::AgentDisk(World& world, io::Loop& loop, Peer peer, Duration time_out)
    : world_(world),
      loop_(loop),
      peer_(std::move(peer)),
      time_out_(time_out),
      pause_(first_pause),
      scope_(world.queue) {}

// Nobody waits for what is still under way: frames die before disks.
AgentDisk::~AgentDisk() {
    for (Trips* trips : {&waiting_, &flying_, &waiting_watches_, &flying_watches_}) {
        while (Io* io = trips->front()) {
            trips->remove(*io);
            end(*io, ECANCELED);
        }
    }
}

Task<void> AgentDisk::live() {
    for (;;) {
        co_await receive();
        disconnect();
        if (world_.clock.now() - connected_at_ >= longest_pause) {
            pause_ = first_pause;
        } else {
            co_await pause();  // one that breaks as soon as it is made is like none
        }
        co_await reconnect();
    }
}

// Until the connection breaks, or says what makes no sense: then nothing of it is believed.
Task<void> AgentDisk::receive() {
    for (;;) {
        const auto frame = reader_.next();
        if (!frame) {
            trouble_ = wire::describe(frame.error());
            co_return;
        }
        if (*frame) {
            if (answered(**frame)) continue;
            trouble_ = "an answer that makes no sense";
            co_return;
        }
        const auto count = stream_->read_now(reader_.room(least_room));
        if (!count || (*count == 0 && stream_->over())) {
            trouble_ = count ? "the agent has closed the connection" : count.error().sentence;
            co_return;
        }
        if (*count > 0) {
            reader_.filled(*count);
            last_heard_ = world_.clock.now();
        } else {
            co_await stream_->arrived().wait();
        }
    }
}

void AgentDisk::disconnect() {
    stream_.reset();
    slots_.free_all();
    pinging_ = false;
    while (Io* io = flying_.front()) {
        flying_.remove(*io);
        trip_of(*io).slot = Trip::no_slot;
        end(*io, ECONNRESET);
    }
    while (Io* io = flying_watches_.front()) {
        flying_watches_.remove(*io);
        trip_of(*io).slot = Trip::no_slot;
        waiting_watches_.push_back(*io);
    }
}

Task<void> AgentDisk::reconnect() {
    for (;;) {
        auto made = co_await greet(loop_, peer_, world_.clock.now() + time_out_);
        if (made && made->welcome.store == welcome_.store &&
            made->welcome.block_size == welcome_.block_size &&
            made->welcome.blocks == welcome_.blocks) {
            adopt(std::move(*made));
            co_return;
        }
        trouble_ = made ? "another store is there now" : made.error().sentence;
        hopeless_ = true;
        news_.set();
        co_await pause();
    }
}

// Longer each time, and not the same for all who have lost the same agent.
Task<void> AgentDisk::pause() {
    const auto half = static_cast<std::uint64_t>(pause_.count() / 2);
    const Duration length(half + world_.random.below(half));
    pause_ = std::min(2 * pause_, longest_pause);
    co_await world_.clock.sleep(length);
}

void AgentDisk::adopt(Connection connection) {
    const Instant now = world_.clock.now();
    welcome_ = connection.welcome;
    rights_ = std::move(connection.rights);
    stream_ = std::move(connection.stream);
    reader_ = std::move(connection.reader);
    const Duration idle = std::chrono::milliseconds(welcome_.idle_ms);
    ping_period_ = welcome_.idle_ms == 0 ? time_out_ / 2 : std::min(idle / 3, time_out_ / 2);
    connected_at_ = last_heard_ = last_asked_ = now;
    rest_until_ = now;
    hopeless_ = false;
    send_waiting();
    news_.set();
}

Task<void> AgentDisk::keep_time() {
    for (;;) {
        news_.reset();
        expire(world_.clock.now());
        asleep_until_ = next_due(world_.clock.now());
        co_await news_.wait_until(world_.clock, asleep_until_);
    }
}

Instant AgentDisk::next_due(Instant now) const {
    Instant due = net::never;
    if (Io* io = waiting_.front()) due = std::min(due, trip_of(*io).started + patience());
    if (Io* io = flying_.front()) due = std::min(due, trip_of(*io).started + time_out_);
    if (stream_ == nullptr) return due;
    const Instant quiet_since = std::min(last_heard_, last_asked_);
    due = std::min(due, pinging_ ? pinged_at_ + time_out_ : quiet_since + ping_period_);
    if (rest_until_ > now) due = std::min(due, rest_until_);
    return due;
}

void AgentDisk::expire(Instant now) {
    expire(waiting_, now - patience(), hopeless_ ? ENOTCONN : ETIMEDOUT);
    expire(flying_, now - time_out_, ETIMEDOUT);
    if (stream_ == nullptr) return;
    if (pinging_ && pinged_at_ + time_out_ <= now) return stream_->cut(ETIMEDOUT);
    if (!pinging_ && std::min(last_heard_, last_asked_) + ping_period_ <= now) ping(now);
    send_waiting();
}

// Ends what came until then. The agent may still answer; its answer will be dropped. Until then it
// counts among those in flight, there as here.
void AgentDisk::expire(Trips& trips, Instant until, int error) {
    while (Io* io = trips.front()) {
        const Trip& trip = trip_of(*io);
        if (trip.started > until) return;
        trips.remove(*io);
        if (trip.slot != Trip::no_slot) slots_.at(trip.slot).io = nullptr;
        end(*io, trip.put_off ? EBUSY : error);
    }
}

void AgentDisk::ping(Instant now) {
    frame_.clear();
    wire::put_ping(frame_, slots_.take(wire::Type::ping, nullptr).id);
    stream_->put(frame_);
    last_asked_ = pinged_at_ = now;
    pinging_ = true;
}

}  // namespace diskpaxos::remote
