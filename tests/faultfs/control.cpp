#include "control.hpp"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <functional>
#include <sstream>

namespace diskpaxos::faultfs {

namespace {

struct Range {
    std::size_t first = 0;
    std::size_t end = 0;
};

// "1" is every path to disk 1, "1.2" the third of them.
bool parse_target(const std::string& word, const Paths& paths, Range& range) {
    unsigned disk = 0;
    unsigned path = 0;
    char dot = 0;
    std::istringstream in(word);
    if (!(in >> disk) || disk >= paths.size() / paths_per_disk) return false;
    range = {disk * std::size_t{paths_per_disk}, (disk + std::size_t{1}) * paths_per_disk};
    if (in.eof()) return true;
    if (!(in >> dot >> path) || dot != '.' || path >= paths_per_disk || !in.eof()) return false;
    range.first += path;
    range.end = range.first + 1;
    return true;
}

bool parse_directions(std::istringstream& in, bool& reads, bool& writes) {
    std::string word;
    in >> word;
    reads = word == "r" || word == "rw";
    writes = word == "w" || word == "rw";
    return reads || writes;
}

using Command = std::function<void(FaultyPath&)>;

Command parse_lasting(const std::string& verb, std::istringstream& in) {
    bool reads = false;
    bool writes = false;
    if (!parse_directions(in, reads, writes)) return {};
    if (verb == "hang") return [=](FaultyPath& path) { path.hang(reads, writes); };
    unsigned value = 0;
    if (!(in >> value)) return {};
    if (verb == "error") {
        return [=](FaultyPath& path) { path.fail(reads, writes, static_cast<int>(value)); };
    }
    const std::chrono::microseconds time(value);
    return [=](FaultyPath& path) { path.delay(reads, writes, time); };
}

Command parse_tear(std::size_t sectors, std::istringstream& in) {
    std::string word;
    in >> word;
    TearAnswer answer{};
    if (word == "success") {
        answer = TearAnswer::success;
    } else if (word == "error") {
        answer = TearAnswer::error;
    } else if (word == "hang") {
        answer = TearAnswer::hang;
    } else {
        return {};
    }
    return [=](FaultyPath& path) { path.tear(sectors, answer); };
}

Command parse_next_write(const std::string& verb, std::istringstream& in) {
    std::size_t value = 0;
    if (!(in >> value)) return {};
    if (verb == "tear") return parse_tear(value, in);
    if (verb == "lose") return [=](FaultyPath& path) { path.lose(static_cast<unsigned>(value)); };
    if (verb == "shorten") return [=](FaultyPath& path) { path.shorten(value); };
    return [=](FaultyPath& path) { path.misdirect(static_cast<off_t>(value)); };
}

Command parse(std::istringstream& in) {
    std::string verb;
    in >> verb;
    if (verb == "release") return &FaultyPath::release;
    if (verb == "drop") return &FaultyPath::drop;
    if (verb == "clear") return &FaultyPath::clear;
    if (verb == "hang" || verb == "error" || verb == "delay") return parse_lasting(verb, in);
    if (verb == "tear" || verb == "lose" || verb == "shorten" || verb == "misdirect") {
        return parse_next_write(verb, in);
    }
    return {};
}

std::string stat(const Paths& paths, Range range) {
    Totals sum;
    for (std::size_t i = range.first; i < range.end; ++i) {
        const Totals totals = paths[i]->totals();
        sum.reads += totals.reads;
        sum.writes += totals.writes;
        sum.held += totals.held;
    }
    return fmt::format("reads {} writes {} held {}", sum.reads, sum.writes, sum.held);
}

}  // namespace

std::string obey(const std::string& line, const Paths& paths) {
    std::istringstream in(line);
    std::string target;
    Range range;
    if (!(in >> target) || !parse_target(target, paths, range)) return "error: no such disk";
    if (line.ends_with(" stat")) return stat(paths, range);
    const Command command = parse(in);
    if (!command) return "error: not understood";
    for (std::size_t i = range.first; i < range.end; ++i) command(*paths[i]);
    return "ok";
}

int listen_on(const char* socket_path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (std::strlen(socket_path) >= sizeof address.sun_path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    std::strcpy(address.sun_path, socket_path);
    const int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (listener < 0) return -1;
    if (bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        listen(listener, 8) != 0) {
        close(listener);
        return -1;
    }
    return listener;
}

void serve(int listener, const Paths& paths) {
    for (;;) {
        const int client = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
        if (client < 0) continue;
        char buffer[256];
        const ssize_t length = read(client, buffer, sizeof buffer);
        if (length > 0) {
            std::string line(buffer, static_cast<std::size_t>(length));
            while (!line.empty() && line.back() == '\n') line.pop_back();
            const std::string answer = obey(line, paths) + "\n";
            send(client, answer.data(), answer.size(), MSG_NOSIGNAL);
        }
        close(client);
    }
}

}  // namespace diskpaxos::faultfs
