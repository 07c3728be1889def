// A disk that keeps the requests of one process until it is told how to answer them.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "actor.hpp"
#include "disk/disk.hpp"
#include "register/row.hpp"

namespace diskpaxos::exhaustive {

class RecordedDisk final : public Disk {
  public:
    RecordedDisk(std::size_t index, const Geometry& geometry, Contents& contents);

    std::uint32_t block_size() const override { return geometry_.block_size; }
    std::uint64_t blocks() const override { return geometry_.blocks(); }
    std::string_view name() const override { return name_; }
    bool active() const override { return geometry_.active; }
    RowAddress address() const { return {Uuid{}, index_ + 1, 0, &geometry_}; }

    void collect(std::vector<Request>& all) const;
    void watch(const std::uint64_t& phase) { phase_ = &phase; }
    void answer(std::uint64_t serial, const std::array<Content, max_places>& row,
                StepVerdict verdict);
    void fail(std::uint64_t serial);
    void forget();  // the process is dead: what it had submitted is no longer its own

  private:
    struct Pending {
        Io* io;
        Request request;
    };
    void submit(Io& io) override;
    Io& take(std::uint64_t serial);

    std::size_t index_;
    const Geometry& geometry_;
    Contents& contents_;
    std::string name_;
    std::vector<Pending> pending_;
    std::uint64_t submitted_ = 0;
    const std::uint64_t* phase_ = nullptr;
};

}  // namespace diskpaxos::exhaustive
