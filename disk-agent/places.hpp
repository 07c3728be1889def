// Places: who comes in, and who goes for it, where more want to than there is room for. Pure.
//
// A stranger is a guest whose hello has not been answered yet. Where no place is free, the stranger
// that came first loses its place: however many hang on a port and say nothing, who greets at once
// gets in. Who has greeted keeps its place. Some places are for UNIX sockets alone, and as many for
// networks. No origin (an address, or a user of this host) has all of them, and no client.
#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <string>

namespace diskpaxos::agent {

class Places {
  public:
    struct Limits {
        unsigned all = 0;
        unsigned by_network = 0;  // of all
        unsigned by_socket = 0;   // of all: by UNIX sockets
        unsigned of_origin = 0;   // of all
        unsigned strangers_of_origin = 0;
        unsigned of_client = 0;  // of all: of those who have greeted by one name
        static Limits of(unsigned all);
    };

    // Lives at least as long as it is inside.
    class Guest {
      public:
        Guest(std::string origin, bool local) : origin_(std::move(origin)), local_(local) {}
        Guest(const Guest&) = delete;
        Guest& operator=(const Guest&) = delete;
        virtual ~Guest() = default;
        const std::string& origin() const { return origin_; }
        bool inside() const { return inside_; }

      private:
        friend class Places;
        std::string origin_;
        bool local_;
        bool inside_ = false;
        bool stranger_ = false;
        std::uint64_t turn_ = 0;  // of those who came before it, fewer have
        std::list<Guest*>::iterator among_all_;
        std::list<Guest*>::iterator among_its_own_;
    };

    explicit Places(Limits limits) : limits_(limits) {}
    void change(Limits limits) { limits_ = limits; }  // for those who come from now on
    const Limits& limits() const { return limits_; }

    enum class Answer : std::uint8_t {
        welcome,
        full,         // every place is taken, and not by strangers
        origin_full,  // so is every place of its origin
    };
    struct Decision {
        Answer answer = Answer::welcome;
        Guest* leaves = nullptr;  // who has lost its place for it, if somebody had to
    };
    Decision enter(Guest& guest);  // as a stranger
    void greeted(Guest& guest);    // it is none any more
    void leave(Guest& guest);      // of one that is not inside: nothing

    Guest* push_out();  // the stranger that came first, if there is one: it has lost its place
    unsigned taken() const { return taken_; }

  private:
    struct Origin {
        unsigned taken = 0;
        std::list<Guest*> strangers;
    };

    bool full_for(const Guest& guest) const;
    Guest* stranger_for(const Guest& guest) const;
    Guest* first_stranger(bool local_as_well) const;
    void forget_stranger(Guest& guest);

    Limits limits_;
    unsigned taken_ = 0;
    unsigned by_network_ = 0;
    std::uint64_t turns_ = 0;
    std::list<Guest*> strangers_[2];  // by whether they are local; the first came first
    std::map<std::string, Origin, std::less<>> origins_;
};

}  // namespace diskpaxos::agent
