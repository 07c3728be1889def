// IscsiLun: a LUN over iSCSI, by libiscsi, on the loop: no root and no kernel module is needed.
//
// One session, kept up: when it ends it is begun anew, soon and then ever more slowly. A session is
// never mended. libiscsi would send the commands of the old connection once more on the new one,
// and nobody would know how often they were executed; here they are answered as unknown. The new
// session has the ISID of the old one, so the target gives up what it still had of that.
//
// A command that is not answered in time ends the session, for its connection may be dead.
#pragma once

#include <iscsi/iscsi.h>

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "async/scope.hpp"
#include "io/loop.hpp"
#include "scsi/scsi_lun.hpp"

namespace diskpaxos::scsi {

class IscsiLun final : public ScsiLun {
  public:
    // iscsi://[USER%PASSWORD@]HOST[:PORT]/IQN/LUN; LIBISCSI_CHAP_USERNAME and …_PASSWORD serve as
    // well. Logs in and asks for the facts, or says in one sentence why not. Looks the host's name
    // up once, and waits for that.
    static Task<Result<std::unique_ptr<IscsiLun>>> open(World& world, io::Loop& loop,
                                                        std::string url, Duration time_out);
    ~IscsiLun() override;

    std::uint64_t sessions() const { return sessions_; }  // begun so far

  protected:
    void begin(CommandPtr command) override;
    void timed_out() override { end_session("no answer in time"); }

  private:
    enum class State : std::uint8_t { down, logging_in, up, ended };

    IscsiLun(World& world, io::Loop& loop, std::string name, std::string url, Duration time_out);

    Task<void> keep_session();
    Task<void> log_in();
    bool start_login();
    void send(CommandPtr command);
    void send_waiting();
    void serve_socket();
    void follow_socket();
    bool hung_up() const;
    void end_session(std::string_view reason);  // from anywhere; keep_session() does the rest
    void give_up(int error);

    void connect(const char* portal);
    static void connected(iscsi_context*, int status, void*, void* lun);
    static void logged_in(iscsi_context*, int status, void*, void* lun);
    static void completed(iscsi_context*, int status, void*, void* command);

    struct Destroy {
        void operator()(iscsi_context* context) const { iscsi_destroy_context(context); }
    };

    io::Loop& loop_;
    const std::string url_;  // may hold a password
    std::string portal_;     // numeric
    std::string initiator_;
    const std::uint64_t isid_;  // the same for all our sessions
    int lun_ = 0;
    const int epoll_;    // readable when the socket is ready for what libiscsi wants
    int followed_ = -1;  // the socket in it, and the events it is there for
    std::uint32_t events_ = 0;
    State state_ = State::down;
    std::string reason_;  // why the last session ended
    std::uint64_t sessions_ = 0;
    Event ready_;
    Event settled_;                   // an attempt to log in has come to its end
    std::deque<CommandPtr> waiting_;  // for the login
    std::vector<CommandPtr> in_flight_;
    std::unique_ptr<iscsi_context, Destroy> context_;
    Scope scope_;
};

}  // namespace diskpaxos::scsi
