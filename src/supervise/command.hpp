// Command: CMD and all it starts, running under a deadline that its owner keeps moving forward.
//
// What must always hold: whatever becomes of the owner (stopped, hung, killed), nothing of CMD runs
// any more soon after `kill_at`. The guard sees to it (guard.hpp), and when the owner has died asks
// CMD to end at once. The owner watches the guard in turn: one that is killed takes CMD along, by the
// kernel, and the owner ends the rest; one that shows no sign of life is told to go on, and at last
// killed.
//
//   auto command = Command::make();                  // before loops, threads, disks and signals
//   (*command)->start(loop, words, {"DISKPAXOS_TOKEN=7"}, {terminate_at, kill_at});
//   (*command)->extend({later, later_still});        // at every renewal
//   co_await (*command)->gone().wait();              // only now may the lock be released
//
// The process has no other children, and is the subreaper of these as long as this lives.
#pragma once

#include <sys/types.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "async/event.hpp"
#include "async/scope.hpp"
#include "async/task.hpp"
#include "diskpaxos/error.hpp"
#include "io/loop.hpp"
#include "supervise/post.hpp"

namespace diskpaxos {

struct Outcome {
    enum class Why : std::uint8_t {
        exited,          // by itself
        signalled,       // by a signal, its own or one that was passed on
        deadline,        // it, or what was left of it, was ended because the deadline had come
        guard_killed,    // by somebody, or by us because it did not answer; so CMD was killed
        not_found,       // it never ran
        not_executable,  // it never ran
    };
    Why why = Why::exited;
    int code = 0;          // CMD's own, or 128 + N where signal N killed it, or 126, or 127
    std::string sentence;  // empty unless there is something to say
};

class Command {
  public:
    // Forks the guard.
    static Result<std::unique_ptr<Command>> make();
    Command(const Command&) = delete;
    Command& operator=(const Command&) = delete;
    ~Command();  // kills what still runs; until all is gone, the loop must outlive this

    // Once. `words` is not empty; the first is looked up in PATH. `variables` are NAME=VALUE, and
    // come on top of the environment that we had in make().
    void start(io::Loop& loop, const std::vector<std::string>& words,
               const std::vector<std::string>& variables, Deadline deadline);

    // Should this process die from now on, the guard, once nothing of CMD runs any more, runs this
    // very program with `words`, the first of which is its name. No words: nothing; to be said
    // before this object ends without a start().
    void bequeath(const std::vector<std::string>& words);

    // Forward costs no system call. A deadline in the past ends CMD now. What has been sent
    // SIGTERM because of a deadline may still be spared SIGKILL.
    void extend(Deadline deadline);

    // To CMD's process group; once CMD itself has ended, to everything that is left of it.
    void signal(int number);

    pid_t pid() const { return pid_; }     // 0: it does not run yet, or never did
    Event& ended() { return ended_; }      // CMD's own process has ended; the outcome is known
    Event& gone() { return gone_; }        // and so has all that it started
    Event& resumed() { return resumed_; }  // somebody tried to suspend it from the terminal
    Event& silent() { return silent_; }    // the guard does not answer, or did not for a while
    const Outcome& outcome() const { return outcome_; }  // after `gone` it changes no more

  private:
    Command() = default;
    Task<void> listen();
    Task<void> back_up_guard();
    Task<void> end_guard();
    Task<void> do_the_guards_work();
    Outcome end_without_guard(std::optional<int> status) const;
    bool guard_is_dead();
    void take_reports();
    void take(const Report& report);
    void order(Order::Kind kind, int number, const std::string& texts = {});

    SharedDeadline deadline_;
    int stream_ = -1;
    int guard_ = -1;  // pidfd
    pid_t guard_pid_ = -1;
    bool guard_reaped_ = false;
    bool cut_short_ = false;  // an order to the guard: nothing more can be told to it
    enum class Overruled : std::uint8_t { no, late, silent };
    Overruled overruled_ = Overruled::no;  // why we killed the guard
    io::Loop* loop_ = nullptr;
    std::string name_;  // CMD's first word
    pid_t pid_ = 0;
    Outcome outcome_;
    Event ended_;
    Event gone_;
    Event resumed_;
    Event silent_;
    Event news_;
    void (*before_)(int) = nullptr;  // what SIGTTOU did
    std::unique_ptr<Scope> scope_;   // dies first
};

}  // namespace diskpaxos
