// diskpaxos-contend: processes that all want one name, through the C library, and whether what they
// were told is true. Prints one line of JSON; exits with 1 if something is not.
//
//   diskpaxos-contend --op incr|cas|lock --processes N --seconds S [--most-unknown N] DISK...
//
//   incr   every sum that a call gave is its own: none twice, and in the end the cell holds as many
//   as
//          were applied, give or take those of which nobody knew
//   cas    the same, each process reading the version first
//   lock   acquire and release: tokens are given once, and no call ends in the unknown
//
// It is linked with the library as programs are, so that an older one can be measured beside it.
#include <diskpaxos/diskpaxos.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <new>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace {

constexpr std::size_t codes = 16;
constexpr std::size_t most_told = 8'000'000;

struct Shared {  // by all processes
    std::atomic<std::uint32_t> ready;
    std::atomic<std::uint64_t> ended[codes];
    std::atomic<std::uint64_t> told;
    std::uint64_t numbers[most_told];
};

struct Wish {
    std::string op = "incr";
    unsigned processes = 8;
    double seconds = 10;
    std::uint64_t most_unknown = UINT64_MAX;
    std::vector<const char*> disks;
};

Shared& shared() {
    static auto* const memory =
        new (mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE,
                  MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)) Shared;
    return *memory;
}

[[noreturn]] void fail(const char* what) {
    std::fprintf(stderr, "diskpaxos-contend: %s: %s\n", what, diskpaxos_sentence());
    _exit(2);
}

void end(int code) {
    ++shared().ended[static_cast<std::size_t>(code)];
    static bool said = false;
    if (code == DISKPAXOS_OK || code == DISKPAXOS_NO || std::exchange(said, true)) return;
    std::fprintf(stderr, "diskpaxos-contend: %s: %s\n", diskpaxos_word(code), diskpaxos_sentence());
}

void tell(std::uint64_t number) {
    const std::uint64_t at = shared().told++;
    if (at < most_told) shared().numbers[at] = number;
}

void increment(diskpaxos_group* group) {
    std::int64_t sum = 0;
    const int code = diskpaxos_cell_incr(group, "contended", 1, 30'000, &sum);
    end(code);
    if (code == DISKPAXOS_OK) tell(static_cast<std::uint64_t>(sum));
}

void swap(diskpaxos_group* group) {
    diskpaxos_value value;
    int code = diskpaxos_cell_get(group, "contended", 30'000, &value);
    if (code != DISKPAXOS_OK) return end(code);
    const std::string next = std::to_string(std::strtoull(value.bytes, nullptr, 10) + 1);
    code = diskpaxos_cell_cas(group, "contended", value.version, next.data(), next.size(), 30'000,
                              &value);
    end(code);
    if (code == DISKPAXOS_OK) tell(std::strtoull(value.bytes, nullptr, 10));
}

void pair(diskpaxos_lock* lock) {
    std::uint64_t token = 0;
    int code = diskpaxos_lock_acquire(lock, DISKPAXOS_EXCLUSIVE, DISKPAXOS_FOREVER, &token);
    end(code);
    if (code == DISKPAXOS_OK) tell(token);
    for (code = diskpaxos_lock_release(lock, 30'000); code != DISKPAXOS_OK;
         code = diskpaxos_lock_release(lock, 30'000)) {
        end(code);
        if (code == DISKPAXOS_LOST) fail("a lock was lost");
    }
}

[[noreturn]] void child(const Wish& wish) {
    diskpaxos_group* group = nullptr;
    diskpaxos_session* session = nullptr;
    diskpaxos_lock* lock = nullptr;
    diskpaxos_options options = DISKPAXOS_OPTIONS_INIT;
    options.timeout_s = 60;
    if (diskpaxos_group_open(wish.disks.data(), wish.disks.size(), &options, &group) != 0)
        fail("open");
    const bool locks = wish.op == "lock";
    if (locks && diskpaxos_session_open(group, 60'000, nullptr, 60'000, &session) != 0)
        fail("session");
    if (locks && diskpaxos_lock_new(session, "wanted", &lock) != 0) fail("lock");
    ++shared().ready;
    while (shared().ready < wish.processes) usleep(1000);
    const auto until =
        std::chrono::steady_clock::now() + std::chrono::duration<double>(wish.seconds);
    while (std::chrono::steady_clock::now() < until) {
        if (locks)
            pair(lock);
        else if (wish.op == "cas")
            swap(group);
        else
            increment(group);
    }
    diskpaxos_group_close(group);
    _exit(0);
}

std::uint64_t final_sum(const Wish& wish) {
    diskpaxos_group* group = nullptr;
    diskpaxos_value value;
    if (diskpaxos_group_open(wish.disks.data(), wish.disks.size(), nullptr, &group) != 0)
        fail("open");
    if (diskpaxos_cell_get(group, "contended", 0, &value) != 0) fail("get");
    diskpaxos_group_close(group);
    return std::strtoull(value.bytes, nullptr, 10);
}

int judge(const Wish& wish, std::uint64_t before) {
    Shared& all = shared();
    const std::uint64_t ok = all.ended[DISKPAXOS_OK];
    const std::uint64_t applied = all.ended[DISKPAXOS_APPLIED];
    const std::uint64_t unknown = all.ended[DISKPAXOS_UNKNOWN_OUTCOME];
    const std::span numbers(all.numbers, std::min<std::size_t>(all.told, most_told));
    std::ranges::sort(numbers);
    const auto twice = std::ranges::unique(numbers).size();
    bool sound = twice == 0 && unknown <= wish.most_unknown;
    std::printf(
        "{\"op\": \"%s\", \"processes\": %u, \"changes\": %ju, \"not_told\": %ju, \"unknown\": "
        "%ju, "
        "\"no\": %ju, \"no_quorum\": %ju, \"told_twice\": %zu",
        wish.op.c_str(), wish.processes, std::uintmax_t{ok}, std::uintmax_t{applied},
        std::uintmax_t{unknown}, std::uintmax_t{all.ended[DISKPAXOS_NO]},
        std::uintmax_t{all.ended[DISKPAXOS_NO_QUORUM]}, twice);
    if (wish.op != "lock") {
        const std::uint64_t sum = final_sum(wish) - before;
        std::printf(", \"sum\": %ju", std::uintmax_t{sum});
        sound = sound && sum >= ok + applied && sum <= ok + applied + unknown;
    }
    std::printf(", \"sound\": %s}\n", sound ? "true" : "false");
    return sound ? 0 : 1;
}

Wish wished(int count, char** words) {
    Wish wish;
    for (int i = 1; i < count; ++i) {
        const std::string word = words[i];
        const bool option = word.starts_with("--") && i + 1 < count;
        if (!option)
            wish.disks.push_back(words[i]);
        else if (word == "--op")
            wish.op = words[++i];
        else if (word == "--processes")
            wish.processes = static_cast<unsigned>(std::atoi(words[++i]));
        else if (word == "--seconds")
            wish.seconds = std::atof(words[++i]);
        else if (word == "--most-unknown")
            wish.most_unknown = std::strtoull(words[++i], nullptr, 10);
        else
            wish.op.clear();
    }
    const std::array known = {"incr", "cas", "lock"};
    const bool fine = std::ranges::find(known, wish.op) != known.end();
    if (fine && wish.processes > 0 && !wish.disks.empty()) return wish;
    std::fprintf(stderr, "diskpaxos-contend: see the first lines of its source\n");
    std::exit(64);
}

}  // namespace

int main(int count, char** words) {
    const Wish wish = wished(count, words);
    shared();
    std::uint64_t before = 0;
    if (wish.op != "lock") before = final_sum(wish);
    for (unsigned n = 0; n < wish.processes; ++n) {
        if (fork() == 0) child(wish);
    }
    int status = 0;
    bool all_well = true;
    while (wait(&status) > 0) all_well = all_well && status == 0;
    return all_well ? judge(wish, before) : 2;
}
