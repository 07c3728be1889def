// Crew: several loops of `diskpaxos cell incr counter`, one process per increment, as a script
// would run them; and the account of what they were told.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "command.hpp"

namespace diskpaxos {

class Crew {
  public:
    Crew(const std::vector<std::string>& disks, unsigned size, Words environment = {});
    Crew(const Crew&) = delete;
    Crew& operator=(const Crew&) = delete;
    ~Crew() { stop(); }

    void kill_one(unsigned member);          // in mid-flight, whatever it is doing
    bool more_acknowledged(unsigned count);  // false: they make no progress any more
    void stop();

    std::uint64_t acknowledged() const { return acknowledged_; }
    std::uint64_t unanswered() const { return unanswered_; }
    std::string complaints() const;  // the last words of those that failed
    // Counts that were printed more than once: no two increments may have had the same result.
    std::string doubles() const;

  private:
    void work(unsigned member);

    struct Member {
        std::mutex mutex;
        std::unique_ptr<Command> now;
        std::string complaint;
        std::vector<std::string> results;
    };
    const Words words_;
    Words environment_;
    std::atomic<bool> stopping_ = false;
    std::atomic<std::uint64_t> acknowledged_ = 0;
    std::atomic<std::uint64_t> unanswered_ = 0;
    std::vector<std::unique_ptr<Member>> members_;
    std::vector<std::thread> threads_;
};

}  // namespace diskpaxos
