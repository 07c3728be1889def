// Command: the real binary, running. Killed when it goes out of sight.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace diskpaxos {

struct Answer {
    int code = -1;  // 128 + N: ended by signal N
    std::string out;
    std::string err;
};

using Words = std::vector<std::string>;

class Command {
  public:
    // Starts `diskpaxos WORDS…` as a process of host "here".
    explicit Command(const Words& words, const Words& environment = {});
    Command(const Command&) = delete;
    Command& operator=(const Command&) = delete;
    ~Command();

    void signal(int number) const;  // from any thread; goes nowhere once it has ended
    Answer wait();

  private:
    pid_t pid_ = -1;
    int pidfd_ = -1;
    int out_ = -1;
    int err_ = -1;
};

Answer run(const Words& words, const Words& environment = {});

// {verb words…, -d disk0, -d disk1, …}
Words on(const std::vector<std::string>& disks, Words words);

}  // namespace diskpaxos
