// Command: the real binary, running. Killed when it goes out of sight, or when it is waited for
// longer than any command may take: that is a failure of the test, which says what hung and where.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <string>
#include <vector>

namespace diskpaxos {

struct Answer {
    int code = -1;  // 128 + N: ended by signal N
    std::string out;
    std::string err;
};

using Words = std::vector<std::string>;

// Among the environment: leaks are not searched for. A crew's many short lives would spend most of
// their time on it; the same commands are searched where they run once.
std::string without_leak_search();

class Command {
  public:
    // More than any command needs: `check --repair` may have to watch for half a minute.
    static constexpr std::chrono::seconds longest{100};

    // Starts `diskpaxos WORDS…` as a process of host "here".
    explicit Command(const Words& words, const Words& environment = {});
    Command(const Command&) = delete;
    Command& operator=(const Command&) = delete;
    ~Command();

    void signal(int number) const;  // from any thread; goes nowhere once it has ended
    Answer wait();

  private:
    bool ends_in_time() const;
    std::string where_it_hangs() const;

    std::string words_;
    pid_t pid_ = -1;
    int pidfd_ = -1;
    int out_ = -1;
    int err_ = -1;
};

Answer run(const Words& words, const Words& environment = {});

// {verb words…, -d disk0, -d disk1, …}
Words on(const std::vector<std::string>& disks, Words words);

}  // namespace diskpaxos
