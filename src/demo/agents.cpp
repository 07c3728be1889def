#include "demo/agents.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <vector>

namespace diskpaxos::demo {

namespace fs = std::filesystem;

namespace {

constexpr const char* program = "diskpaxos-agent";
constexpr std::size_t longest_path = sizeof(sockaddr_un{}.sun_path) - 1;
constexpr int not_executed = 127;

bool executable(const fs::path& path) {
    std::error_code ignored;
    return fs::is_regular_file(path, ignored) && access(path.c_str(), X_OK) == 0;
}

// Never comes back as anything but a failure. Nothing it says is for the audience.
void execute(std::vector<std::string> words, const std::string& log) {
    const int file = open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    const int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (file < 0 || nothing < 0) return;
    if (dup2(nothing, 0) < 0 || dup2(file, 1) < 0 || dup2(file, 2) < 0) return;
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    execv(arguments.front(), arguments.data());
}

}  // namespace

Result<std::string> find_agent() {
    std::error_code ignored;
    const fs::path here = fs::read_symlink("/proc/self/exe", ignored).parent_path();
    std::vector<fs::path> places = {here / program,
                                    here.parent_path().parent_path() / "disk-agent" / program};
    const char* path = std::getenv("PATH");
    std::string_view rest = path != nullptr ? path : "";
    while (!rest.empty()) {
        const std::string_view folder = rest.substr(0, rest.find(':'));
        rest.remove_prefix(std::min(folder.size() + 1, rest.size()));
        places.push_back(fs::path(folder) / program);
    }
    for (const fs::path& place : places) {
        if (executable(place)) return place.string();
    }
    return std::unexpected(Error{
        Code::usage, fmt::format("{} is neither beside this program nor in $PATH, and --agents "
                                 "needs it",
                                 program)});
}

std::optional<std::string> objection_to(const std::string& folder) {
    const std::string socket = folder + "/a.sock";
    if (socket.size() > longest_path) {
        return fmt::format(
            "{}: the path of a socket in it would have {} bytes, and {} are the "
            "most; name a folder with a shorter path",
            folder, socket.size(), longest_path);
    }
    if (folder.find('?') != std::string::npos) {
        return fmt::format("{}: a question mark would end the URL of an agent; name another folder",
                           folder);
    }
    return std::nullopt;
}

Result<void> create_store(const std::string& agent, const Store& store, const Geometry& geometry) {
    Geometry active = geometry;
    active.active = true;
    const pid_t pid = fork();
    if (pid == 0) {
        execute({agent, "create", store.file, "--blocks", fmt::format("{}", active.blocks()),
                 "--block-size", fmt::format("{}", active.block_size)},
                store.log);
        _exit(not_executed);
    }
    int status = -1;
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    if (status == 0) return {};
    return std::unexpected(
        Error{Code::io, fmt::format("{} cannot be made: {}", store.file, last_words(store))});
}

void become_agent(const std::string& agent, const Store& store) {
    setpgid(0, 0);  // Ctrl-C is for the director
    execute({agent, "serve", "--store", "disk=" + store.file, "--unix", store.socket}, store.log);
}

bool answers(const Store& store) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    store.socket.copy(address.sun_path, longest_path);
    const int end = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const bool fine =
        connect(end, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    close(end);
    return fine;
}

std::string last_words(const Store& store) {
    std::ifstream log(store.log);
    std::string last = "it says nothing";
    for (std::string line; std::getline(log, line);) last = line;
    return last;
}

}  // namespace diskpaxos::demo
