#include "fault_disks.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <fstream>
#include <sstream>
#include <thread>

#include "base/check.hpp"

namespace diskpaxos {

namespace {

using namespace std::chrono_literals;

constexpr auto pause = 5ms;
constexpr int patience = 2000;  // pauses: ten seconds

}  // namespace

FaultDisks::FaultDisks(unsigned count, std::size_t bytes) {
    make_files(count, bytes);
    if (access("/dev/fuse", R_OK | W_OK) != 0) {
        problem_ = "no FUSE here: /dev/fuse cannot be opened";
        return;
    }
    start();
    wait_until_served();
}

FaultDisks::~FaultDisks() {
    if (daemon_ > 0) {
        for (unsigned disk = 0; ready() && disk < backing_.size(); ++disk) tell(disk, "release");
        kill(daemon_, SIGTERM);  // it unmounts, lazily: a killed client's ring is closed later
        waitpid(daemon_, nullptr, 0);
    }
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
}

void FaultDisks::make_files(unsigned count, std::size_t bytes) {
    std::string name = std::filesystem::temp_directory_path() / "diskpaxos-fault-XXXXXX";
    CHECK(mkdtemp(name.data()) != nullptr);
    directory_ = name;
    std::filesystem::create_directory(directory_ / "mount");
    for (unsigned disk = 0; disk < count; ++disk) {
        backing_.push_back(directory_ / fmt::format("backing{}", disk));
        std::ofstream(backing_.back(), std::ios::binary) << std::string(bytes, '\0');
    }
}

void FaultDisks::start() {
    std::vector<std::string> words = {DISKPAXOS_FAULTFS, directory_ / "mount",
                                      directory_ / "control.sock"};
    words.insert(words.end(), backing_.begin(), backing_.end());
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);

    const pid_t parent = getpid();
    daemon_ = fork();
    CHECK(daemon_ >= 0);
    if (daemon_ > 0) return;
    prctl(PR_SET_PDEATHSIG, SIGTERM);  // no mount outlives a test that crashed
    if (getppid() != parent) _exit(1);
    execv(arguments[0], arguments.data());
    _exit(127);
}

void FaultDisks::wait_until_served() {
    for (int i = 0; i < patience; ++i) {
        if (!ask("0 stat").empty()) return;
        int status = 0;
        if (waitpid(daemon_, &status, WNOHANG) == daemon_) {
            daemon_ = -1;
            problem_ = "no FUSE here: diskpaxos-faultfs could not mount";
            return;
        }
        std::this_thread::sleep_for(pause);
    }
    problem_ = "diskpaxos-faultfs does not answer";
}

std::string FaultDisks::path(unsigned disk, unsigned by) const {
    return directory_ / "mount" /
           (by == 0 ? fmt::format("d{}", disk) : fmt::format("d{}.{}", disk, by));
}

std::string FaultDisks::content(unsigned disk, std::uint64_t offset, std::size_t size) const {
    std::ifstream file(backing_[disk], std::ios::binary);
    file.seekg(static_cast<std::streamoff>(offset));
    std::string data(size, '\0');
    file.read(data.data(), static_cast<std::streamsize>(size));
    CHECK(file.good());
    return data;
}

std::string FaultDisks::ask(const std::string& line) const {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string socket_path = directory_ / "control.sock";
    CHECK(socket_path.size() < sizeof address.sun_path);
    std::strcpy(address.sun_path, socket_path.c_str());
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(fd >= 0);
    char buffer[256];
    ssize_t length = -1;
    if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
        send(fd, line.data(), line.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(line.size())) {
        length = recv(fd, buffer, sizeof buffer, 0);
    }
    close(fd);
    return length > 0 ? std::string(buffer, static_cast<std::size_t>(length)) : std::string();
}

void FaultDisks::tell(unsigned disk, std::string_view command) const {
    CHECK(ask(fmt::format("{} {}", disk, command)) == "ok\n");
}

void FaultDisks::tell_path(unsigned disk, unsigned by, std::string_view command) const {
    CHECK(ask(fmt::format("{}.{} {}", disk, by, command)) == "ok\n");
}

FaultDisks::Totals FaultDisks::totals(unsigned disk) const {
    Totals totals;
    std::string word;
    std::istringstream in(ask(fmt::format("{} stat", disk)));
    in >> word >> totals.reads >> word >> totals.writes >> word >> totals.held;
    CHECK(!in.fail());
    return totals;
}

void FaultDisks::wait_until_held(unsigned disk, unsigned count) const {
    for (int i = 0; totals(disk).held < count; ++i) {
        CHECK(i < patience);
        std::this_thread::sleep_for(pause);
    }
}

}  // namespace diskpaxos
