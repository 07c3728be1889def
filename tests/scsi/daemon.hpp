// Targets of our own on loopback, each in a folder of its own, that die with the test.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <vector>

namespace diskpaxos::scsi {

class Daemon {
  public:
    Daemon() = default;
    Daemon(const Daemon&) = delete;
    Daemon& operator=(const Daemon&) = delete;
    ~Daemon() { stop(); }

    void start(const std::vector<std::string>& words, const std::vector<std::string>& environment,
               const std::filesystem::path& log);
    void stop();
    pid_t pid() const { return pid_; }

  private:
    pid_t pid_ = -1;
};

std::string target_program(const char* name);  // as fetch-targets has unpacked it
std::string library_path();                    // the line of the environment it needs
int free_port();
void await_port(int port);

class Folder {  // with everything in it
  public:
    Folder();
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    ~Folder();
    const std::filesystem::path& path() const { return path_; }
    std::string file(const std::string& name, std::size_t bytes) const;  // full of zeroes

  private:
    std::filesystem::path path_;
};

// Debian's istgt: it knows COMPARE AND WRITE. Its targets: t1 and t2 (512-byte blocks), t3 (4096),
// and t4, which asks user "me" for the password "s3cret-s3cret".
class Istgt {
  public:
    Istgt();
    void start();
    void stop() { daemon_.stop(); }
    int port() const { return port_; }
    std::string url(const std::string& target, const std::string& host = "127.0.0.1") const;

  private:
    void configure() const;

    Folder folder_;
    int port_;
    int control_port_;
    Daemon daemon_;
};

// Debian's tgt: it says that it knows COMPARE AND WRITE, and does not.
class Tgt {
  public:
    Tgt();
    std::string url() const;

  private:
    void administer(const std::string& words) const;

    Folder folder_;
    int port_;
    Daemon daemon_;
};

}  // namespace diskpaxos::scsi
