#include "contention.hpp"

#include <fmt/format.h>
#include <iscsi/iscsi.h>
#include <iscsi/scsi-lowlevel.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <thread>

#include "register_client.hpp"
#include "rig.hpp"

namespace diskpaxos::scsi {

namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

struct Shared {  // by the processes
    std::atomic<unsigned> ready = 0;
    std::atomic<bool> go = false;
    Tally tallies[64];
};

Shared& share() {
    void* memory =
        mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(memory != MAP_FAILED);
    return *new (memory) Shared;
}

Task<int> format(Disk& disk, std::uint64_t first, std::uint64_t count) {
    IoPtr io = disk.prepare(Io::Kind::write, {first, count}, {});
    for (std::uint64_t i = 0; i < count; ++i) {
        const Bytes image = RegisterClient::initial(first + i, disk.block_size());
        std::ranges::copy(image,
                          io->out.bytes().begin() + static_cast<std::ptrdiff_t>(i * image.size()));
    }
    io = co_await Transfer(disk, std::move(io));
    co_return io->error;
}

Task<Tally> count_up(const CawDisk& disk, RegisterClient& client, std::uint64_t increments) {
    Tally tally;
    for (std::uint64_t tries = 0; tally.counted < increments && tries < 1000 * increments;
         ++tries) {
        const bool certain = co_await client.increment();
        tally.counted += certain;
        tally.failures += client.failed();
    }
    tally.doubts = client.doubts;
    tally.misses = disk.counts().misses;
    co_return tally;
}

int serve(Shared& shared, unsigned number, const std::string& url, std::uint64_t increments) {
    Rig rig;
    const auto disk = rig.open(url, 20s);
    ++shared.ready;
    if (!disk) return 1;
    while (!shared.go) std::this_thread::sleep_for(100us);
    RegisterClient client(**disk, contended_block, rig.random.bits(40) + 1);
    shared.tallies[number] = rig.run(count_up(**disk, client, increments));
    return shared.tallies[number].counted == increments ? 0 : 2;
}

Latency latency_of(std::vector<double>& samples) {
    std::ranges::sort(samples);
    return {samples[samples.size() / 2], samples[samples.size() * 99 / 100]};
}

template <class Action>
double microseconds(Action action) {
    const auto before = Clock::now();
    action();
    return std::chrono::duration<double, std::micro>(Clock::now() - before).count();
}

// As libiscsi's own example would do it: no loop, no task, no copy.
Result<Latency> measure_raw(const std::string& url, unsigned rounds, const LunFacts& facts) {
    const std::uint32_t block_size = facts.block_size;
    const int fua = facts.durability == Durability::fua ? 1 : 0;
    iscsi_context* context = iscsi_create_context("iqn.2026-01.diskpaxos:raw");
    iscsi_url* parts = iscsi_parse_full_url(context, url.c_str());
    iscsi_set_targetname(context, parts->target);
    iscsi_set_session_type(context, ISCSI_SESSION_NORMAL);
    if (iscsi_full_connect_sync(context, parts->portal, parts->lun) != 0) {
        return std::unexpected(Error{Code::io, iscsi_get_error(context)});
    }
    std::vector<unsigned char> both(2 * std::size_t{block_size});
    std::vector<double> samples;
    const auto size = static_cast<int>(block_size);
    scsi_task* read =
        iscsi_read16_sync(context, parts->lun, contended_block, block_size, size, 0, 0, 0, 0, 0);
    std::memcpy(both.data(), read->datain.data, block_size);
    scsi_free_scsi_task(read);
    for (unsigned round = 0; round < rounds; ++round) {
        std::memcpy(both.data() + block_size, both.data(), block_size);
        both[2 * block_size - 1] = static_cast<unsigned char>(round);
        samples.push_back(microseconds([&] {
            scsi_task* task =
                iscsi_compareandwrite_sync(context, parts->lun, contended_block, both.data(),
                                           2 * block_size, size, 0, 0, fua, 0, 0);
            CHECK(task != nullptr && task->status == 0);
            scsi_free_scsi_task(task);
        }));
        std::memcpy(both.data(), both.data() + block_size, block_size);
    }
    iscsi_logout_sync(context);
    iscsi_destroy_url(parts);
    iscsi_destroy_context(context);
    return latency_of(samples);
}

}  // namespace

Result<void> format(const std::string& url) {
    Rig rig;
    auto disk = rig.open(url);
    if (!disk) return std::unexpected(disk.error());
    if (rig.run(format(**disk, contended_block, 1)) == 0) return {};
    return std::unexpected(Error{Code::io, "the register cannot be formatted"});
}

Result<std::uint64_t> show(const std::string& url) {
    Rig rig;
    auto disk = rig.open(url);
    if (!disk) return std::unexpected(disk.error());
    RegisterClient reader(**disk, contended_block, 1000);
    const RegisterClient::Answer found = rig.run(reader.look());
    return found.value.empty() ? 0 : std::stoull(found.value);
}

Result<Tally> join(const std::vector<std::string>& urls, unsigned processes,
                   std::uint64_t increments_each) {
    Shared& shared = share();
    std::vector<pid_t> children;
    for (unsigned number = 0; number < processes; ++number) {
        const pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0) {
            _exit(serve(shared, number, urls[number % urls.size()], increments_each));
        }
        children.push_back(child);
    }
    while (shared.ready < processes) std::this_thread::sleep_for(1ms);
    const auto begun = Clock::now();
    shared.go = true;
    bool failed = false;
    for (const pid_t child : children) {
        int status = 0;
        waitpid(child, &status, 0);
        failed = failed || status != 0;
    }
    Tally all;
    all.seconds = std::chrono::duration<double>(Clock::now() - begun).count();
    for (unsigned number = 0; number < processes; ++number) {
        const Tally& tally = shared.tallies[number];
        all.counted += tally.counted;
        all.doubts += tally.doubts;
        all.misses += tally.misses;
        all.failures += tally.failures;
    }
    munmap(&shared, sizeof shared);
    if (!failed) return all;
    return std::unexpected(
        Error{Code::io,
              fmt::format("a process did not come to its end: {} counted, {} misses, {} failures",
                          all.counted, all.misses, all.failures)});
}

Result<Contention> contend(const std::vector<std::string>& urls, unsigned processes,
                           std::uint64_t increments_each) {
    const Result<void> formatted = format(urls.front());
    if (!formatted) return std::unexpected(formatted.error());
    const Result<Tally> all = join(urls, processes, increments_each);
    if (!all) return std::unexpected(all.error());
    const Result<std::uint64_t> final_count = show(urls.front());
    if (!final_count) return std::unexpected(final_count.error());
    return Contention{*all, *final_count};
}

Result<Latencies> measure(const std::string& url, unsigned rounds) {
    Rig rig;
    auto disk = rig.open(url);
    if (!disk) return std::unexpected(disk.error());
    const std::uint64_t last = std::min<std::uint64_t>((*disk)->blocks(), contended_block + rounds);
    const std::uint64_t fresh = last - contended_block;
    if (rig.run(format(**disk, contended_block, fresh)) != 0) {
        return std::unexpected(Error{Code::io, "the registers cannot be formatted"});
    }
    Latencies result;
    std::vector<double> samples;
    for (std::uint64_t block = contended_block; block < last; ++block) {
        RegisterClient client(**disk, block, 1);
        samples.push_back(
            microseconds([&] { CHECK(rig.run(client.read(client.rank(1))).done()); }));
    }
    result.cold = latency_of(samples);
    samples.clear();
    RegisterClient client(**disk, contended_block, 1);
    for (unsigned round = 2; round < rounds + 2; ++round) {
        samples.push_back(
            microseconds([&] { CHECK(rig.run(client.write(client.rank(round), "v")).done()); }));
    }
    result.guessed = latency_of(samples);
    if (url.starts_with("iscsi:")) {
        const auto raw = measure_raw(url, rounds, (*disk)->facts());
        if (!raw) return std::unexpected(raw.error());
        result.raw = *raw;
    }
    return result;
}

}  // namespace diskpaxos::scsi
