// Actor: one process of the show. It opens the group as any command would, keeps a session, and
// does two things at a time: it contends for the lock, under which it writes to the resource, and
// it works on a counter that all share. It notes what it does, and what it is told.
#pragma once

#include <memory>
#include <vector>

#include "async/random.hpp"
#include "demo/play.hpp"
#include "demo/plug.hpp"
#include "demo/resource.hpp"
#include "lock/lock.hpp"
#include "node/open_group.hpp"

namespace diskpaxos::demo {

class Actor {
  public:
    // Plays until the curtain falls, in the process that it is called in. False: it never got a
    // seat or a session; the sentence is on stderr.
    static bool perform(const Play& play, unsigned number);

  private:
    Actor(const Play& play, unsigned number, std::unique_ptr<node::OpenGroup> group,
          std::vector<Plug*> plugs);
    bool perform();

    Task<Result<void>> enter();
    Task<void> contend();
    Task<bool> have_session();
    Task<void> act_under(Lock& lock);
    Task<void> let_go(Lock& lock);
    Task<void> count();
    Task<void> ask(sim::Operation& operation);
    Task<void> tend_plugs();

    Event event(Happening what) const;
    void note(const Event& event) const;
    void note(Happening what) const { note(event(what)); }
    Task<void> pause(Duration least, Duration most);
    bool curtain() const { return play_.directions().curtain; }
    Clock& clock() { return group_->world().clock; }

    const Play& play_;
    unsigned number_;
    SeededRandom random_;  // of the story: pauses, and what is asked; the protocol has its own
    std::unique_ptr<node::OpenGroup> group_;
    std::vector<Plug*> plugs_;
    Directory directory_;
    Session session_;
    Resource resource_;
    bool told_lost_ = false;
    unsigned acting_ = 0;  // tasks that need the disks
};

}  // namespace diskpaxos::demo
