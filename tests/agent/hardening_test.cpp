#include "disk-agent/hardening.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <functional>
#include <sstream>
#include <string>

#include "agent/agent_process.hpp"

namespace diskpaxos::agent {
namespace {

// In a process of its own: what it does cannot be undone.
int in_a_child(const std::function<int()>& what) {
    const pid_t pid = fork();
    if (pid == 0) _exit(what());
    int status = 0;
    EXPECT_EQ(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(HardeningTest, NothingOfItsMemoryIsDumped) {
    EXPECT_EQ(in_a_child([] {
                  harden_process();
                  rlimit core{};
                  getrlimit(RLIMIT_CORE, &core);
                  const bool none = core.rlim_cur == 0 && core.rlim_max == 0;
                  return none && prctl(PR_GET_DUMPABLE) == 0 ? 0 : 1;
              }),
              0);
}

std::string text_of(const std::string& path) {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
}

// The program itself, as the kernel sees it.
TEST(HardeningTest, TheAgentHardensItself) {
    const Folder folder;
    ASSERT_EQ(run_agent({"create", folder / "store", "--blocks", "256"}).code, 0);
    const AgentProcess agent({"--store", "a=" + folder / "store", "--unix", folder / "socket"});
    ASSERT_TRUE(agent.started()) << agent.log();
    const std::string facts = "/proc/" + std::to_string(agent.pid());

    std::istringstream limits(text_of(facts + "/limits"));
    std::string soft = "not there", hard;
    for (std::string line; std::getline(limits, line);) {
        if (!line.starts_with("Max core file size")) continue;
        std::istringstream(line.substr(18)) >> soft >> hard;
    }
    EXPECT_EQ(soft, "0");
    EXPECT_EQ(hard, "0");

    const std::string status = text_of(facts + "/status");
    const std::size_t at = status.find("SigIgn:");
    ASSERT_NE(at, std::string::npos);
    const std::uint64_t ignored = std::stoull(status.substr(at + 7), nullptr, 16);
    for (const int number : {SIGPIPE, SIGXFSZ}) EXPECT_TRUE(ignored >> (number - 1) & 1) << number;

    // Of a process that may not be dumped, root owns the facts. They are root's anyway for root.
    struct stat owner{};
    ASSERT_EQ(stat((facts + "/environ").c_str(), &owner), 0);
    EXPECT_EQ(owner.st_uid, 0U);
}

TEST(HardeningTest, AReaderThatHasGoneDoesNotEndIt) {
    EXPECT_EQ(in_a_child([] {
                  harden_process();
                  int ends[2];
                  if (pipe(ends) != 0) return 2;
                  close(ends[0]);
                  return write(ends[1], "x", 1) == -1 ? 0 : 1;
              }),
              0);
}

// Else the next file that is opened would get the number, and what is said there.
TEST(HardeningTest, TheFirstThreeDescriptorsAreTaken) {
    for (int closed = 1; closed < 8; ++closed) {
        EXPECT_EQ(in_a_child([closed] {
                      for (int fd = 0; fd < 3; ++fd) {
                          if ((closed >> fd & 1) != 0) close(fd);
                      }
                      harden_process();
                      return open("/dev/null", O_RDONLY) > 2 ? 0 : 1;
                  }),
                  0);
    }
}

TEST(HardeningTest, CountsDescriptors) {
    EXPECT_EQ(in_a_child([] {
                  const auto before = descriptors_in_use();
                  if (open("/dev/null", O_RDONLY) < 0) return 2;
                  return descriptors_in_use() == before + 1 ? 0 : 1;
              }),
              0);
    EXPECT_EQ(in_a_child([] {
                  const rlimit limit{.rlim_cur = 20, .rlim_max = 50};
                  setrlimit(RLIMIT_NOFILE, &limit);
                  return raise_descriptor_limit() == 50 ? 0 : 1;
              }),
              0);
}

}  // namespace
}  // namespace diskpaxos::agent
