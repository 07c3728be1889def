// Plug: a disk with a switch before it. Unplugged, it answers nothing: what is asked of it is held
// up, not refused, as a fabric does that queues while it looks for a path. Plugged in again, all
// that goes on its way, late as it is.
#pragma once

#include <atomic>
#include <memory>
#include <vector>

#include "disk/disk.hpp"

namespace diskpaxos::demo {

class Plug final : public Disk {
  public:
    Plug(std::unique_ptr<Disk> disk, const std::atomic<bool>& unplugged)
        : disk_(std::move(disk)), unplugged_(unplugged) {}

    std::uint32_t block_size() const override { return disk_->block_size(); }
    std::uint64_t blocks() const override { return disk_->blocks(); }
    std::string_view name() const override { return disk_->name(); }
    bool active() const override { return disk_->active(); }
    bool lets(Right right, std::string_view name) const override {
        return disk_->lets(right, name);
    }
    std::optional<std::uint64_t> keeper_ms() const override { return disk_->keeper_ms(); }
    bool use_block_size(std::uint32_t bytes) override { return disk_->use_block_size(bytes); }

    void look();  // whether it is plugged in again; to be called every now and then

  protected:
    void submit(Io& io) override;

  private:
    void drop_abandoned_watches();

    std::unique_ptr<Disk> disk_;
    const std::atomic<bool>& unplugged_;
    std::vector<Io*> held_;
};

}  // namespace diskpaxos::demo
