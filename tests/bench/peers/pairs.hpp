// What a peer's lock costs those who use it: client processes, each of which takes and gives back a
// lock of its own, again and again, and one line of JSON about all of them.
#pragma once

#include <sys/types.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace diskpaxos::bench {

class Client {  // lives in a process of its own
  public:
    Client() = default;
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;
    virtual ~Client() = default;
    virtual void acquire() = 0;
    virtual void release() = 0;
};

struct Wish {
    unsigned clients = 1;
    double seconds = 1;
    pid_t server = 0;                // whose CPU time is told as well; 0: nobody's
    std::string device;              // of /sys/block, whose I/Os are told; empty: of none
    std::vector<std::string> words;  // what is left: the mode and where the peer is
};

// Reads --clients N, --seconds S, --server PID, --device NAME; ends the program with `usage` where
// there is nonsense, or not `rest` words besides.
Wish wish_of(int count, char** words, std::size_t rest, const std::string& usage);

// Connects client `number`, after the fork.
using Connect = std::function<std::unique_ptr<Client>(const Wish& wish, unsigned number)>;

// Warms up, measures, prints. The exit code of the program.
int measure_pairs(const Wish& wish, const Connect& connect);

[[noreturn]] void fail(const std::string& sentence);

}  // namespace diskpaxos::bench
