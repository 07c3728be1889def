// Session: one connection of one client, from its hello to its end.
//
// What a client can make it spend is bounded: one body of the largest size and what the socket keeps
// of the next, the answers that Limits promise, and the time of 64 requests at a time. Who does not
// read what is sent waits, and in the end loses the connection.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "disk-agent/access.hpp"
#include "disk-agent/places.hpp"
#include "disk-agent/served_store.hpp"
#include "net/stream.hpp"
#include "wire/message.hpp"

namespace diskpaxos::agent {

class Server;

struct Limits {
    std::uint32_t largest_body = 65536 + 8;  // a write of 64 KiB
    std::uint32_t requests = 256;
    std::uint32_t watches = 1024;
    std::size_t most_unsent = std::size_t{2} << 20;
    Duration hello = std::chrono::seconds(10);
    Duration idle = std::chrono::seconds(60);
};

struct Client {
    std::string name;     // as the access file has it
    std::string address;  // for people
};

class Session final : public Patron {
  public:
    Session(Server& server, net::Stream& stream, Places::Guest& guest, Client client);
    ~Session() override;

    Task<void> run();

    const Client& client() const { return client_; }
    void use_rights(const Rights& rights);
    const net::TlsSession* tls() const { return stream_.tls(); }
    void withdraw();  // ends it: its key or certificate counts no more
    std::size_t unsent() const { return stream_.unsent(); }

  private:
    Task<void> serve();
    Task<bool> more(Instant deadline);
    Task<bool> wait_for_room();
    bool greet(const wire::Frame& frame);
    std::size_t blocks_changed_by(const wire::Frame& frame) const;
    bool handle(const wire::Frame& frame);
    bool read(const wire::Frame& frame);
    bool step(const wire::Frame& frame);
    bool answer_above(const wire::Frame& frame, const Store::Outcome& outcome);
    bool write(const wire::Frame& frame);
    bool watch(const wire::Frame& frame);
    Task<bool> list(wire::Frame frame);
    bool list_piece(wire::ListWriter& writer, std::uint64_t& number, std::uint64_t end) const;
    bool looks_at_many(const wire::Frame& frame) const;
    bool rights(const wire::Frame& frame);
    void put_rights(std::uint64_t id);
    void complain(Topic topic, std::string_view what) const;
    Task<void> pay_debts();

    // Answers with a status alone; true: the connection goes on.
    bool answer(const wire::Frame& frame, wire::Status status);
    bool malformed(const wire::Frame& frame, wire::Flaw flaw);
    bool forbid(const wire::Frame& frame, std::uint64_t number);
    wire::Status refusal_to_change() const;
    Bytes& answers_after(Lsn until);  // where an answer goes that must wait for this batch
    void flush();

    void settled(Lsn lsn) override;
    void failed() override;
    void changed(std::uint64_t id, std::uint64_t number, ByteView block) override;

    std::string who() const;

    Server& server_;
    net::Stream& stream_;
    Places::Guest& guest_;
    Client client_;
    Rights rights_;
    ServedStore* served_ = nullptr;  // null before hello
    std::uint64_t features_ = 0;     // that both know
    wire::FrameReader reader_;
    Bytes out_;                  // answers that may go
    std::array<Bytes, 2> held_;  // and those that wait, by the parity of their batch
    std::array<unsigned, 2> due_{};
    Event settled_;          // some of what was due is not any more
    bool finished_ = false;  // the other end has said that it asks for nothing more
    std::vector<std::uint64_t> watched_;  // registers, one for each watch
    Bytes request_;  // scratch space
    Bytes before_;
};

}  // namespace diskpaxos::agent
