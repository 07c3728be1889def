#include "scale/agents.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <chrono>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <thread>

namespace diskpaxos::scale {

namespace {

using namespace std::chrono_literals;

[[noreturn]] void become(std::vector<std::string> words) {
    const int log = open("/dev/null", O_WRONLY | O_CLOEXEC);
    dup2(log, STDOUT_FILENO);
    dup2(log, STDERR_FILENO);
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    execv(arguments[0], arguments.data());
    _exit(127);
}

bool listens(const std::string& socket_path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    CHECK(socket_path.size() < sizeof address.sun_path);
    std::memcpy(address.sun_path, socket_path.data(), socket_path.size());
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(fd >= 0);
    const int refused = connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address);
    close(fd);
    return refused == 0;
}

}  // namespace

Folder::Folder(const std::string& parent) {
    path_ = parent + "/diskpaxos-scale-XXXXXX";
    CHECK(mkdtemp(path_.data()) != nullptr);
}

Folder::~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

Agent::Agent(const std::string& program, const Folder& folder, const std::string& name,
             std::uint64_t blocks)
    : store_(folder / name), socket_(folder / (name + ".sock")) {
    Child create([&] { become({program, "create", store_, "--blocks", std::to_string(blocks)}); });
    CHECK(create.wait() == 0);
    child_ = std::make_unique<Child>([&] {
        become({program, "serve", "--store", "s=" + store_, "--unix", socket_});
    });
    for (int tries = 0; !listens(socket_); ++tries) {
        CHECK(tries < 1000);
        std::this_thread::sleep_for(10ms);
    }
}

Agent::~Agent() {
    kill(child_->pid(), SIGTERM);
    child_->wait();
}

std::uint64_t Agent::memory() const {
    std::ifstream status("/proc/" + std::to_string(child_->pid()) + "/status");
    for (std::string word; status >> word;) {
        std::uint64_t kib = 0;
        if (word == "VmRSS:" && status >> kib) return kib * 1024;
    }
    return 0;
}

std::uint64_t Agent::stored() const {
    struct stat status {};
    CHECK(stat(store_.c_str(), &status) == 0);
    return static_cast<std::uint64_t>(status.st_blocks) * 512;
}

Agents start_agents(const std::string& program, const Folder& folder, std::uint64_t blocks) {
    Agents agents;
    for (const char* name : {"a", "b", "c"}) {
        agents.push_back(std::make_unique<Agent>(program, folder, name, blocks));
    }
    return agents;
}

std::vector<std::string> urls_of(const Agents& agents) {
    std::vector<std::string> urls;
    for (const auto& agent : agents) urls.push_back(agent->url());
    return urls;
}

}  // namespace diskpaxos::scale
