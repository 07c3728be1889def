// An agent with one store of 256 blocks, and clients of it.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "agent/agent_process.hpp"
#include "agent/client.hpp"

namespace diskpaxos::agent {

class AgentTest : public ::testing::Test {
  protected:
    void SetUp() override {
        const Finished made = run_agent({"create", folder / "store", "--blocks", "256"});
        ASSERT_EQ(made.code, 0) << made.output;
    }
    std::vector<std::string> usual() {
        return {"--store", "a=" + folder / "store", "--unix", folder / "socket"};
    }
    void start(std::vector<std::string> more = {}, std::size_t places = 1) {
        std::vector<std::string> words = usual();
        words.insert(words.end(), more.begin(), more.end());
        agent = std::make_unique<AgentProcess>(words, places);
        ASSERT_TRUE(agent->started()) << agent->log();
    }
    std::unique_ptr<TestClient> client(const std::string& store = "a") {
        return std::make_unique<TestClient>(agent->place(), store);
    }
    std::string me() { return "uid:" + std::to_string(geteuid()); }
    void write_rules(const std::string& text) { std::ofstream(folder / "access") << text; }

    Folder folder;
    std::unique_ptr<AgentProcess> agent;
};

}  // namespace diskpaxos::agent
