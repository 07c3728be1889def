// Looks: who may look at many blocks, and when. To look at a block means to sum it up, and a list may
// have 65,536 of them. So it goes piece by piece, and one turn of the loop has so many pieces,
// however many clients and connections want them. The rest of the turn belongs to others. The pieces go
// round the clients, by their names. Within one client those who asked first come first.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <list>
#include <map>
#include <string>

#include "async/clock.hpp"
#include "async/event.hpp"
#include "async/scope.hpp"

namespace diskpaxos::agent {

class Looks {
  public:
    static constexpr std::size_t piece = 64 * 1024;  // bytes of blocks
    static constexpr unsigned most_in_turn = 16;     // pieces: 2,048 small blocks, or 1 ms

    // One who waits for a piece. Awaits granted() and looks.
    class Wish {
      public:
        Wish(Looks& all, const std::string& client);
        Wish(const Wish&) = delete;
        Wish& operator=(const Wish&) = delete;
        ~Wish();
        Event& granted() { return granted_; }

      private:
        friend class Looks;
        Looks& all_;
        const std::string& client_;
        Event granted_;
        std::list<Wish*>::iterator place_;
        bool waits_ = true;
    };

    Looks(RunQueue& queue, Clock& clock);

    // What one turn of the loop grants. Returns how many pieces.
    unsigned grant();

    struct Counts {
        std::uint64_t pieces = 0;
        std::uint64_t turns = 0;   // in which there were any
        unsigned most_in_turn = 0;
    };
    const Counts& counts() const { return counts_; }

  private:
    Task<void> grant_all();
    void forget(Wish& wish);

    Clock& clock_;
    std::map<std::string, std::list<Wish*>, std::less<>> waiting_;
    std::deque<std::string> turns_;  // the clients of waiting_, who has waited longest first
    Event wanted_;
    Counts counts_;
    Scope scope_;
};

}  // namespace diskpaxos::agent
