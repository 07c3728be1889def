// AgentDisk: the store of a disk agent, at the other end of a connection (disk-agent/PROTOCOL.md).
// It is active: it takes steps and watches.
//
// Requests go down one connection, many at a time, and are answered in any order. One that gets no
// answer within the time-out ends with ETIMEDOUT, whatever has become of it. When the connection
// breaks, requests on it end with ECONNRESET: they may have been executed, and only the register
// above knows what that means and whether to ask again. Watches change nothing, and are asked anew
// on the next connection; they have no time-out. That connection is made in the background, at
// once, and then less and less often; once an attempt has failed, requests end with ENOTCONN
// instead of holding a phase up.
//
//   EACCES forbidden · EBUSY the agent has no room · EIO its store has failed · ERANGE no such
//   block · error_untold (base/errno_text.hpp) where we may not read every name: EIO, or a damaged block
#pragma once

#include <memory>
#include <string>

#include "async/scope.hpp"
#include "async/world.hpp"
#include "disk/disk.hpp"
#include "remote/connection.hpp"
#include "remote/slots.hpp"
#include "remote/trip.hpp"

namespace diskpaxos::remote {

class AgentDisk final : public Disk {
  public:
    static constexpr Duration usual_time_out = std::chrono::seconds(5);

    // `time_out`: of the opening, and of each request from then on. The errors name the URL.
    static Task<Result<std::unique_ptr<AgentDisk>>> open(World& world, io::Loop& loop,
                                                         std::string url,
                                                         Duration time_out = usual_time_out);
    ~AgentDisk() override;

    std::uint32_t block_size() const override { return welcome_.block_size; }
    std::uint64_t blocks() const override { return welcome_.blocks; }
    std::string_view name() const override { return peer_.url.name; }
    bool active() const override { return true; }
    bool lets(Right right, std::string_view name) const override;
    std::optional<std::uint64_t> keeper_ms() const override;

    const Uuid& store() const { return welcome_.store; }  // whatever URL leads to it
    bool connected() const { return stream_ != nullptr; }
    const std::string& trouble() const { return trouble_; }  // why it last was not

  protected:
    void submit(Io& io) override;

  private:
    // While there is no connection to hope for. Not zero: who asks again at once, and again, must
    // not keep the loop from turning.
    static constexpr Duration no_patience = std::chrono::milliseconds(1);

    AgentDisk(World& world, io::Loop& loop, Peer peer, Duration time_out);

    // The life of the connection (agent_disk_life.cpp).
    Task<void> live();
    Task<void> receive();
    Task<void> reconnect();
    Task<void> pause();
    Task<void> keep_time();
    Instant next_due(Instant now) const;
    void expire(Instant now);
    void expire(Trips& trips, Instant until, int error);
    Duration patience() const { return hopeless_ ? no_patience : time_out_; }
    void adopt(Connection connection);
    void disconnect();
    void ping(Instant now);

    // Requests and their answers (agent_disk.cpp).
    bool take_over_watch(Io& io);
    void drop_abandoned_watches();
    void send_waiting();
    void send(Io& io);
    void compose(Io& io, std::uint64_t id);
    std::uint32_t next_piece(const Io& io, std::uint32_t done) const;
    bool answered(const wire::Frame& frame);  // false: nonsense
    bool told_rights(const wire::Frame& frame);
    bool taken(Io& io, const wire::Frame& frame);
    bool take_piece(Io& io, const wire::Frame& frame);
    bool take_block(Io& io, const wire::Frame& frame);
    bool take_above(Io& io, const wire::Frame& frame);
    void put_off(Io& io);
    void end(Io& io, int error);
    Trips& trips_of(Io& io);

    World& world_;
    io::Loop& loop_;
    const Peer peer_;
    const Duration time_out_;
    Duration ping_period_{};
    wire::Welcome welcome_;
    int untold(const Io& io, int error) const;
    ToldRights rights_;  // as told with the welcome, or since

    std::unique_ptr<net::Stream> stream_;  // null: not connected
    wire::FrameReader reader_{wire::largest_hello};
    Slots slots_;
    Bytes frame_;  // scratch space

    Trips waiting_;          // for the connection, or for room at the agent
    Trips flying_;           // sent
    Trips waiting_watches_;  // the same of watches, which nothing hurries
    Trips flying_watches_;

    Instant connected_at_{};
    Instant last_heard_{};
    Instant last_asked_{};
    Instant rest_until_{};  // the agent has no room before
    Instant pinged_at_{};
    bool pinging_ = false;   // and no answer yet
    bool hopeless_ = false;  // the last attempt to connect has failed
    Duration pause_{};       // before the next one
    std::string trouble_;

    Event news_;              // what is due next has to be found out anew
    Instant asleep_until_{};  // and until then, nothing is
    Scope scope_;
};

}  // namespace diskpaxos::remote
