// Story: the acts themselves.
#pragma once

#include <optional>

#include "async/random.hpp"
#include "demo/director.hpp"
#include "demo/show.hpp"

namespace diskpaxos::demo {

struct Tempo {  // how long things are shown
    Duration ttl{};
    Duration contend{};
    Duration look{};   // after something has happened
    Duration sleep{};  // of the process that is stopped; longer than the TTL
    Duration wiped{};
    Duration dark{};  // without a majority; longer than the TTL
    static Tempo full();
    static Tempo fast();
};

class Story {
  public:
    // `agent`: the program, if some of the disks need it.
    Story(Play& play, Director& director, Recording& recording, Tempo tempo, Say say,
          std::string agent);
    Result<void> tell();
    const Violations& violations() const { return violations_; }

  private:
    using Scene = Result<void> (Story::*)();

    Result<void> gather();
    Result<void> contend();
    Result<void> kill_holder();
    Result<void> stop_holder();
    Result<void> wipe_disk();
    Result<void> lose_majority();
    Result<void> heal_disk();
    Result<void> trust_healed();
    Result<void> verify();

    // An act begins, and ends with what it showed.
    void open(const std::string& name, const std::string& line);
    void close(const std::string& number, const std::string& caption);

    std::size_t agents() const;  // how many disks are theirs
    std::string disks_in_words() const;
    Result<unsigned> catch_holder();
    Result<void> joined_again(unsigned process);
    std::optional<Event> last(Happening what, unsigned process) const;
    Instant last_time(Happening what, unsigned process) const;
    std::optional<Event> next_holding(std::uint64_t after_token) const;
    std::size_t count(Happening what, Instant from) const;
    std::vector<Duration> operation_times(Instant from, Instant until) const;
    Duration slowest_operation(Instant from) const;
    void expect(bool holds, const std::string& sentence);
    void expect(const Violations& violations);
    void sort_events();

    // What never comes ends the show: the error says what was waited for.
    Result<void> await(const std::function<bool()>& done, const std::string& what);

    Play& play_;
    Director& director_;
    Recording& recording_;
    Tempo tempo_;
    Say say_;
    std::string agent_;
    SeededRandom random_;
    Violations violations_;
    std::size_t wiped_ = 0;
    std::size_t unplugged_ = 0;
    Duration usual_{};      // the median time of an operation while all was well
    Duration hand_over_{};  // the longest from one holder to the next
};

}  // namespace diskpaxos::demo
