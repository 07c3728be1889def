#include "scsi/iscsi_lun.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <ctime>

#include "base/check.hpp"
#include "io/aside.hpp"
#include "scsi/iscsi_url.hpp"

namespace diskpaxos::scsi {

namespace {

using namespace std::chrono_literals;

constexpr Duration first_pause = 50ms;
constexpr Duration longest_pause = 5s;

// libiscsi writes to the socket with plain writev(), which kills the process if the other end has
// hung up. Nobody's handler is touched: a signal that came here is taken away again.
class NoBrokenPipe {
  public:
    NoBrokenPipe() {
        sigemptyset(&pipe_);
        sigaddset(&pipe_, SIGPIPE);
        pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
    }
    NoBrokenPipe(const NoBrokenPipe&) = delete;
    NoBrokenPipe& operator=(const NoBrokenPipe&) = delete;
    ~NoBrokenPipe() {
        if (sigismember(&before_, SIGPIPE) != 0) return;
        sigset_t pending;
        sigpending(&pending);
        const timespec at_once{};
        if (sigismember(&pending, SIGPIPE) != 0) sigtimedwait(&pipe_, nullptr, &at_once);
        pthread_sigmask(SIG_SETMASK, &before_, nullptr);
    }

  private:
    sigset_t pipe_{};
    sigset_t before_{};
};

struct FreeUrl {
    void operator()(iscsi_url* url) const { iscsi_destroy_url(url); }
};

// libiscsi's sentences may have several lines.
std::string one_line(std::string text) {
    std::ranges::replace(text, '\n', ' ');
    while (!text.empty() && (text.back() == ' ' || text.back() == '.')) text.pop_back();
    return text;
}

}  // namespace

Task<Result<std::unique_ptr<IscsiLun>>> IscsiLun::open(World& world, io::Loop& loop,
                                                       std::string url, Duration time_out) {
    const std::string name = shown(url);
    std::unique_ptr<IscsiLun> lun(new IscsiLun(world, loop, name, std::move(url), time_out));
    const std::unique_ptr<iscsi_context, Destroy> parser(iscsi_create_context("iqn.parser"));
    const std::unique_ptr<iscsi_url, FreeUrl> parts(
        iscsi_parse_full_url(parser.get(), lun->url_.c_str()));
    if (parts == nullptr) {
        co_return std::unexpected(Error{
            Code::usage, fmt::format("{}: not of the form iscsi://HOST[:PORT]/IQN/LUN", name)});
    }
    std::function<Result<std::string>()> look_up = [named = std::string(parts->portal)] {
        return numeric(named);
    };
    auto looking = io::aside<Result<std::string>>(loop, std::move(look_up));
    std::optional<Result<std::string>> found = co_await looking;
    Result<std::string> portal = std::unexpected(
        Error{Code::io, "no thread or descriptor to look its host up"});
    if (found) portal = std::move(*found);
    if (!portal) {
        co_return std::unexpected(
            Error{Code::io, fmt::format("{}: {}", name, portal.error().sentence)});
    }
    lun->portal_ = *std::move(portal);
    lun->lun_ = parts->lun;
    lun->scope_.spawn(lun->keep_session());
    co_await lun->settled_.wait();
    if (lun->state_ != State::up) {
        co_return std::unexpected(
            Error{Code::io, fmt::format("{}: login failed: {}", name, lun->reason_)});
    }
    Result<void> known = co_await lun->learn();
    if (!known) co_return std::unexpected(known.error());
    co_return std::move(lun);
}

IscsiLun::IscsiLun(World& world, io::Loop& loop, std::string name, std::string url,
                   Duration time_out)
    : ScsiLun(world, std::move(name), time_out),
      loop_(loop),
      url_(std::move(url)),
      initiator_(initiator_name()),
      isid_(world.random.bits(40)),
      epoll_(epoll_create1(EPOLL_CLOEXEC)),
      scope_(world.queue) {
    CHECK(epoll_ >= 0);
    loop_.watch_fd(epoll_, ready_);
}

IscsiLun::~IscsiLun() {
    give_up(ECANCELED);
    loop_.forget_fd(epoll_);
    close(epoll_);
}

Task<void> IscsiLun::keep_session() {
    Duration pause = first_pause;
    for (;;) {
        co_await log_in();
        settled_.set();
        if (state_ == State::up) pause = first_pause;
        send_waiting();
        while (state_ == State::up) {
            co_await ready_.wait();
            ready_.reset();
            if (state_ == State::up) serve_socket();
        }
        give_up(ENOTCONN);
        const auto spread = static_cast<std::uint64_t>(pause.count());
        co_await world_.clock.sleep(pause / 2 + Duration(world_.random.below(spread)));
        pause = std::min(2 * pause, longest_pause);
    }
}

Task<void> IscsiLun::log_in() {
    const Instant deadline = world_.clock.now() + time_out_;
    if (!start_login()) co_return;
    while (state_ == State::logging_in) {
        const bool ready = co_await ready_.wait_until(world_.clock, deadline);
        ready_.reset();
        if (state_ == State::logging_in) {
            ready ? serve_socket() : end_session("no answer in time");
        }
    }
}

bool IscsiLun::start_login() {
    ++sessions_;
    state_ = State::logging_in;
    context_.reset(iscsi_create_context(initiator_.c_str()));
    CHECK(context_ != nullptr);
    const std::unique_ptr<iscsi_url, FreeUrl> parts(
        iscsi_parse_full_url(context_.get(), url_.c_str()));
    CHECK(parts != nullptr);  // open() has parsed it before
    iscsi_set_noautoreconnect(context_.get(), 1);
    iscsi_set_session_type(context_.get(), ISCSI_SESSION_NORMAL);
    iscsi_set_isid_random(context_.get(), static_cast<std::uint32_t>(isid_ >> 16),
                          static_cast<std::uint32_t>(isid_ & 0xffff));
    iscsi_set_targetname(context_.get(), parts->target);
    if (parts->user[0] != 0) {
        iscsi_set_initiator_username_pwd(context_.get(), parts->user, parts->passwd);
    }
    if (parts->target_user[0] != 0) {
        iscsi_set_target_username_pwd(context_.get(), parts->target_user, parts->target_passwd);
    }
    connect(portal_.c_str());
    follow_socket();
    return state_ == State::logging_in;
}

// Step by step: libiscsi's own way to do all of it loses memory if it is left in the middle. What
// the LUN has to say first, a unit attention, is the business of who asks it.
void IscsiLun::connect(const char* portal) {
    const NoBrokenPipe guard;
    if (iscsi_connect_async(context_.get(), portal, connected, this) != 0) {
        end_session(iscsi_get_error(context_.get()));
    }
}

void IscsiLun::connected(iscsi_context* context, int status, void*, void* lun) {
    auto& self = *static_cast<IscsiLun*>(lun);
    if (status != SCSI_STATUS_GOOD || iscsi_login_async(context, logged_in, lun) != 0) {
        self.end_session(iscsi_get_error(context));
    }
}

void IscsiLun::logged_in(iscsi_context* context, int status, void*, void* lun) {
    auto& self = *static_cast<IscsiLun*>(lun);
    if (status == SCSI_STATUS_REDIRECT) {
        iscsi_disconnect(context);
        return self.connect(iscsi_get_target_address(context));
    }
    if (status != SCSI_STATUS_GOOD) return self.end_session(iscsi_get_error(context));
    if (self.state_ == State::logging_in) self.state_ = State::up;
}

void IscsiLun::begin(CommandPtr command) {
    switch (state_) {
        case State::up:
            return send(std::move(command));
        case State::logging_in:
            return waiting_.push_back(std::move(command));
        case State::down:
        case State::ended:
            return command->answer({Outcome::Kind::unknown, ENOTCONN});
    }
}

void IscsiLun::send_waiting() {
    while (state_ == State::up && !waiting_.empty()) {
        CommandPtr command = std::move(waiting_.front());
        waiting_.pop_front();
        send(std::move(command));
    }
}

// The socket takes a command at once, nearly always; if not, follow_socket() sees to the rest.
void IscsiLun::send(CommandPtr command) {
    const NoBrokenPipe guard;
    Command& sent = *command;
    in_flight_.push_back(std::move(command));
    const int refused =
        iscsi_scsi_command_async(context_.get(), lun_, &sent.task(), completed, nullptr, &sent);
    if (refused != 0) return completed(context_.get(), SCSI_STATUS_ERROR, nullptr, &sent);
    if (iscsi_service(context_.get(), EPOLLOUT) != 0) {
        return end_session(iscsi_get_error(context_.get()));
    }
    follow_socket();
}

void IscsiLun::completed(iscsi_context* context, int status, void*, void* command) {
    auto& done = *static_cast<Command*>(command);
    auto& self = static_cast<IscsiLun&>(*done.lun);
    const auto found = std::ranges::find(self.in_flight_, &done, &CommandPtr::get);
    CHECK(found != self.in_flight_.end());
    const CommandPtr held = std::move(*found);
    self.in_flight_.erase(found);
    done.answer(judge(status, done.task().sense));
    if (done.outcome.error == ECONNABORTED) self.end_session(iscsi_get_error(context));
}

void IscsiLun::serve_socket() {
    const NoBrokenPipe guard;
    epoll_event event{};
    if (epoll_wait(epoll_, &event, 1, 0) != 1) return;
    // libiscsi says what is wrong with a connection that cannot be made. One that has been made (it
    // is read from) and is closed it would take for one to be mended, and say nothing.
    const bool made = (events_ & EPOLLIN) != 0;
    const bool broken = (event.events & (EPOLLERR | EPOLLHUP)) != 0;
    if (made && (broken || hung_up())) return end_session("the target has closed the connection");
    if (iscsi_service(context_.get(), static_cast<int>(event.events)) != 0) {
        return end_session(iscsi_get_error(context_.get()));
    }
    follow_socket();
}

bool IscsiLun::hung_up() const {
    char byte = 0;
    const ssize_t found = recv(followed_, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return found == 0 || (found < 0 && errno != EAGAIN && errno != EINTR);
}

// libiscsi opens sockets as it likes, and closes them: a redirected login has a second one, which
// may have the number of the first.
void IscsiLun::follow_socket() {
    if (state_ == State::ended) return;
    const int socket = iscsi_get_fd(context_.get());
    const auto events = static_cast<std::uint32_t>(iscsi_which_events(context_.get()));
    if (state_ == State::up && socket == followed_ && events == events_) return;
    epoll_event event{};
    event.events = events;
    if (epoll_ctl(epoll_, EPOLL_CTL_MOD, socket, &event) != 0) {
        if (epoll_ctl(epoll_, EPOLL_CTL_ADD, socket, &event) != 0) {
            return end_session("the connection is lost");
        }
        fcntl(socket, F_SETFD, FD_CLOEXEC);
    }
    followed_ = socket;
    events_ = events;
}

void IscsiLun::end_session(std::string_view reason) {
    if (state_ != State::logging_in && state_ != State::up) return;
    state_ = State::ended;
    reason_ = one_line(std::string(reason));
    ready_.set();
}

void IscsiLun::give_up(int error) {
    state_ = State::down;
    context_.reset();  // answers most of what was in flight, as cancelled
    followed_ = -1;
    events_ = 0;
    for (const CommandPtr& command : in_flight_) command->answer({Outcome::Kind::unknown, error});
    for (const CommandPtr& command : waiting_) command->answer({Outcome::Kind::unknown, error});
    in_flight_.clear();
    waiting_.clear();
    ready_.reset();
}

}  // namespace diskpaxos::scsi
