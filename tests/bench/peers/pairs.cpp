#include "bench/peers/pairs.hpp"

#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <span>
#include <thread>

namespace diskpaxos::bench {

namespace {

using std::chrono::duration;
using std::chrono::steady_clock;
using Instant = steady_clock::time_point;
using Microseconds = duration<float, std::micro>;

constexpr unsigned most_clients = 256;
constexpr std::size_t most_pairs = 1 << 20;  // of one client

struct Pair {
    float acquire;
    float release;
};

struct Notes {  // in memory that all processes see
    std::atomic<unsigned> ready = 0;
    std::atomic<bool> started = false;
    Instant begin;  // after the warm-up
    Instant end;
    struct Of {
        std::size_t done = 0;
        Pair pairs[most_pairs];  // only the pages that are used cost anything
    } clients[most_clients];
};

struct Used {            // up to now
    double clients = 0;  // microseconds of CPU
    double server = 0;
    double machine = 0;
    double reads = 0;  // of the device
    double read_kib = 0;
    double writes = 0;
};

Notes* shared_notes() {
    void* const memory = mmap(nullptr, sizeof(Notes), PROT_READ | PROT_WRITE,
                              MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) fail("no memory to take notes in");
    return new (memory) Notes;
}

void serve_oneself(Client& client, Notes& notes, Notes::Of& mine) {
    ++notes.ready;
    while (!notes.started) std::this_thread::sleep_for(std::chrono::microseconds(100));
    for (Instant start = steady_clock::now(); start < notes.end;) {
        client.acquire();
        const Instant held = steady_clock::now();
        client.release();
        const Instant done = steady_clock::now();
        if (start >= notes.begin && done < notes.end && mine.done < most_pairs) {
            mine.pairs[mine.done++] = {.acquire = Microseconds(held - start).count(),
                                       .release = Microseconds(done - held).count()};
        }
        start = done;
    }
}

pid_t start_client(const Wish& wish, const Connect& connect, unsigned number, Notes& notes) {
    const pid_t pid = fork();
    if (pid < 0) fail("cannot fork");
    if (pid > 0) return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    {
        const std::unique_ptr<Client> client = connect(wish, number);
        serve_oneself(*client, notes, notes.clients[number]);
    }
    _exit(0);
}

double microseconds_of(pid_t process) {
    clockid_t clock{};
    timespec used{};
    if (process == 0 || clock_getcpuclockid(process, &clock) != 0) return 0;
    if (clock_gettime(clock, &used) != 0) return 0;
    return static_cast<double>(used.tv_sec) * 1e6 + static_cast<double>(used.tv_nsec) / 1e3;
}

double microseconds_of_machine() {
    std::ifstream file("/proc/stat");
    std::string word;
    double user = 0, nice = 0, system = 0, idle = 0, waiting = 0, interrupts = 0, soft = 0;
    file >> word >> user >> nice >> system >> idle >> waiting >> interrupts >> soft;
    const double ticks = user + nice + system + interrupts + soft;
    return ticks * 1e6 / static_cast<double>(sysconf(_SC_CLK_TCK));
}

void count_device(const std::string& name, Used& all) {
    std::ifstream file("/sys/block/" + name + "/stat");
    double merged = 0, sectors = 0, milliseconds = 0;
    file >> all.reads >> merged >> sectors >> milliseconds >> all.writes;
    all.read_kib = sectors / 2;
}

Used used(const Wish& wish, const std::vector<pid_t>& clients) {
    Used all{.server = microseconds_of(wish.server), .machine = microseconds_of_machine()};
    for (const pid_t client : clients) all.clients += microseconds_of(client);
    if (!wish.device.empty()) count_device(wish.device, all);
    return all;
}

// Until all are connected; who fails has said why.
void await_clients(const Wish& wish, const Notes& notes) {
    while (notes.ready < wish.clients) {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
        if (waitpid(-1, nullptr, WNOHANG) > 0) std::exit(1);
    }
}

std::string series(const std::string& name, std::vector<float> times) {
    std::ranges::sort(times);
    const auto at = [&](std::size_t percent) {
        return times[std::min(times.size() - 1, times.size() * percent / 100)];
    };
    return fmt::format(R"("{}": {{"operations": {}, "p50_us": {:.1f}, "p99_us": {:.1f}}})", name,
                       times.size(), at(50), at(99));
}

std::string per_operation(const Wish& wish, const Used& before, const Used& after, double count) {
    std::string text;
    const auto add = [&](const char* name, double Used::* figure) {
        text += fmt::format(R"({}"{}": {:.2f})", text.empty() ? "" : ", ", name,
                            (after.*figure - before.*figure) / count);
    };
    add("cpu_us", &Used::clients);
    add("machine_cpu_us", &Used::machine);
    if (wish.server != 0) add("server_cpu_us", &Used::server);
    if (!wish.device.empty()) {
        add("reads", &Used::reads);
        add("read_kib", &Used::read_kib);
        add("writes", &Used::writes);
    }
    return text;
}

void show(const Wish& wish, const Notes& notes, const Used& before, const Used& after) {
    std::vector<float> acquire, release, pair;
    for (unsigned i = 0; i < wish.clients; ++i) {
        const Notes::Of& client = notes.clients[i];
        if (client.done == most_pairs) fail("more pairs than can be noted: ask for fewer seconds");
        for (const Pair& one : std::span(client.pairs, client.done)) {
            acquire.push_back(one.acquire);
            release.push_back(one.release);
            pair.push_back(one.acquire + one.release);
        }
    }
    if (pair.empty()) fail("no pair was done in time");
    const auto count = static_cast<double>(pair.size());
    fmt::print(
        R"({{"seconds": {}, "operations": {}, "per_second": {:.1f}, "series": {{{}, {}, {}}}, )"
        R"("per_operation": {{{}}}}})"
        "\n",
        wish.seconds, pair.size(), count / wish.seconds, series("acquire", acquire),
        series("release", release), series("pair", pair),
        per_operation(wish, before, after, count));
}

}  // namespace

Wish wish_of(int count, char** words, std::size_t rest, const std::string& usage) {
    Wish wish;
    for (int i = 1; i < count; ++i) {
        const std::string word = words[i];
        const char* const value = i + 1 < count ? words[i + 1] : "";
        if (!word.starts_with("--")) {
            wish.words.push_back(word);
            continue;
        }
        ++i;
        if (word == "--clients") wish.clients = static_cast<unsigned>(std::atoi(value));
        if (word == "--seconds") wish.seconds = std::atof(value);
        if (word == "--server") wish.server = std::atoi(value);
        if (word == "--device") wish.device = value;
    }
    if (wish.words.size() != rest || wish.clients < 1 || wish.clients > most_clients ||
        !(wish.seconds > 0)) {
        fmt::print(stderr, "usage: {}\n", usage);
        std::exit(64);
    }
    return wish;
}

int measure_pairs(const Wish& wish, const Connect& connect) {
    Notes& notes = *shared_notes();
    std::vector<pid_t> clients;
    for (unsigned i = 0; i < wish.clients; ++i) {
        clients.push_back(start_client(wish, connect, i, notes));
    }
    await_clients(wish, notes);
    const auto warm_up = duration<double>(std::min(1.0, wish.seconds / 5));
    notes.begin = steady_clock::now() + std::chrono::ceil<steady_clock::duration>(warm_up);
    notes.end =
        notes.begin + std::chrono::ceil<steady_clock::duration>(duration<double>(wish.seconds));
    notes.started = true;
    std::this_thread::sleep_until(notes.begin);
    const Used before = used(wish, clients);
    std::this_thread::sleep_until(notes.end);
    const Used after = used(wish, clients);
    bool sound = true;
    for (const pid_t client : clients) {
        int status = 0;
        sound = waitpid(client, &status, 0) == client && status == 0 && sound;
    }
    if (!sound) return 1;
    show(wish, notes, before, after);
    return 0;
}

void fail(const std::string& sentence) {
    fmt::print(stderr, "{}\n", sentence);
    std::fflush(stderr);
    _exit(1);
}

}  // namespace diskpaxos::bench
