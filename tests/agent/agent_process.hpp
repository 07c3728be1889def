// AgentProcess: the program itself, on a store in a folder that vanishes with it.
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

namespace diskpaxos::agent {

class Folder {
  public:
    Folder();
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    ~Folder();
    std::string operator/(const std::string& name) const { return path_ + "/" + name; }

  private:
    std::string path_;
};

struct Finished {
    int code = -1;
    std::string output;  // of both kinds
};
Finished run_agent(const std::vector<std::string>& words);  // to its end

class AgentProcess {
  public:
    // Starts `serve` and waits until it listens everywhere; `started()` tells whether it does.
    explicit AgentProcess(const std::vector<std::string>& words, std::size_t places = 1);
    AgentProcess(const AgentProcess&) = delete;
    AgentProcess& operator=(const AgentProcess&) = delete;
    ~AgentProcess();

    bool started() const { return started_; }
    pid_t pid() const { return pid_; }
    std::string place(std::size_t number = 0) const;  // as it has said where it listens
    void signal(int number);
    int wait();                          // its exit code, or 128 + the signal that ended it
    bool says(const std::string& text);  // in its log, now or within two seconds
    const std::string& log() const { return log_; }

  private:
    bool read_more(int milliseconds);

    pid_t pid_ = -1;
    int output_ = -1;
    std::string log_;
    bool started_ = false;
};

}  // namespace diskpaxos::agent
