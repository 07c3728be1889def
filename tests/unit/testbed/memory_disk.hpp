// MemoryDisk: a disk in memory that answers from the run queue, as scripted. It counts what it is
// asked, and never has an opinion on what is written.
#pragma once

#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "async/event.hpp"
#include "async/scope.hpp"
#include "disk/ceiling.hpp"
#include "disk/disk.hpp"

namespace diskpaxos {

class MemoryDisk final : public Disk {
  public:
    enum class Mood : char {
        ok = 'o',
        failing = 'f',   // nothing is done, EIO
        doubtful = 'd',  // the write is done, and EIO answered all the same
        silent = '.',    // held until release()
    };
    struct Counts {
        unsigned reads = 0;
        unsigned writes = 0;
        unsigned visits = 0;
        unsigned steps = 0;
        bool operator==(const Counts&) const = default;
    };

    MemoryDisk(RunQueue& queue, std::string name, std::uint32_t block_size, std::uint64_t blocks);
    ~MemoryDisk() override;

    std::uint32_t block_size() const override { return block_size_; }
    std::uint64_t blocks() const override { return content_.size() / block_size_; }
    std::string_view name() const override { return name_; }
    bool active() const override { return is_active; }
    bool lets(Right, std::string_view name) const override { return name.starts_with(letting); }

    ByteSpan at(std::uint64_t block) {
        return ByteSpan(content_).subspan(block * block_size_, block_size_);
    }
    void release();  // does and answers what was held; the mood is ok again
    std::size_t held() const { return held_.size(); }

    bool is_active = false;  // it takes steps and watches
    std::uint64_t ceiling = no_ceiling;  // of those who take steps
    std::string letting;     // which names it lets us have, by their prefix
    Mood mood = Mood::ok;
    Counts counts;
    std::function<void(const Io&)> asked;  // before each request is served; may change the mood
    std::function<void()> between;     // once: after the write of the next visit, before its read
    std::function<void()> after_read;  // once: after the next read, before its answer

  protected:
    void submit(Io& io) override;

  private:
    Task<void> serve();
    void answer(Io& io);
    void write(Io& io);
    void read(Io& io);
    void take_step(Io& io);
    void tell_watchers();

    std::string name_;
    std::uint32_t block_size_;
    Bytes content_;
    std::deque<Io*> requests_;
    std::deque<Io*> held_;
    std::vector<Io*> watches_;
    Event arrived_;
    Scope scope_;  // last: serve() dies first
};

}  // namespace diskpaxos
