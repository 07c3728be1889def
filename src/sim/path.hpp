// SimPath: the way of one process to one platter. It carries requests in virtual time and does to
// them what faults.hpp allows. It outlives the process: what was submitted still happens.
#pragma once

#include <string>

#include "disk/disk.hpp"
#include "sim/faults.hpp"
#include "sim/marks.hpp"
#include "sim/platter.hpp"
#include "sim/world.hpp"

namespace diskpaxos::sim {

class SimPath;

enum class Landing : std::uint8_t {
    sound,
    late,    // sound, but its writer has been told of an error before
    faulty,  // torn, damaged, in another block, or once more
};

// Who watches the platters. Called at the very instant.
class Watch {
  public:
    virtual ~Watch() = default;
    // A write of this path reached the platter.
    virtual void landed(const SimPath& path, Platter& platter, std::uint64_t block,
                        Landing how) = 0;
    // A write was submitted although an older one to the same block may still land.
    virtual void overlapped(const SimPath& path, std::uint64_t block) = 0;
    // A step of this path has been taken: so the register stands now, durable or not, even if the
    // disk damages it as it lands.
    virtual void executed(const SimPath&, std::uint32_t, const Block&) {}
    // The path met something that marks.hpp counts.
    virtual void came_across(const SimPath&, Mark) {}
};

// What ails the way of one host to one disk, which others may reach meanwhile.
struct Cable {
    Instant gone_until{};    // everything fails before
    Instant silent_until{};  // nothing is answered before
};

class SimPath : public Disk {
  public:
    SimPath(SimWorld& world, Platter& platter, const Faults& faults, Watch& watch,
            const Cable* cable = nullptr);

    std::uint32_t block_size() const override { return platter_.geometry().block_size; }
    std::uint64_t blocks() const override { return platter_.geometry().blocks(); }
    std::string_view name() const override { return name_; }
    bool active() const override { return platter_.geometry().active; }

    Platter& platter() const { return platter_; }
    // Whether nothing lands any more that a successor would have to fear.
    virtual bool drained() const { return true; }
    std::uint64_t looks() const { return looks_; }  // reads without a write, so far
    virtual void owner_died() { orphaned_ = true; }
    // Whether the kernel has freed the locks of a process that died: every write was answered.
    virtual bool released() const { return orphaned_; }
    Instant now() const { return world_.now(); }
    bool orphaned() const { return orphaned_; }

    // One block reaches the platter, whole, or as frail disks have it.
    void land(std::uint64_t block, ByteView content, Landing how);

  protected:
    bool land_damaged(std::uint64_t block, ByteView content);  // false: it is spared
    void copy_block(ByteSpan to, std::uint64_t block);
    void finish(Io& io, int error);

    bool happens(unsigned permille) { return faults_.on && world_.chance(permille); }
    bool frail(unsigned permille) {
        return faults_.frail.contains(platter_.number()) && happens(permille);
    }
    bool treacherous(unsigned permille) {
        return faults_.treacherous.contains(platter_.number()) && happens(permille);
    }
    Instant later();  // when the next thing at this disk happens
    Instant back() const;   // when what fails now does so no longer
    Instant heard() const;  // when what is silent now is so no longer
    bool gone() const { return world_.now() < back(); }
    bool in_slot_table(std::uint64_t block) const;

    SimWorld& world_;
    Platter& platter_;
    const Faults& faults_;
    Watch& watch_;
    const Cable* cable_;
    std::uint64_t looks_ = 0;

  private:
    std::string name_;
    bool orphaned_ = false;
};

}  // namespace diskpaxos::sim
