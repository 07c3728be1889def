// diskpaxos-peer-sanlock: leases of a sanlock daemon, through its client library. The daemon is the
// one whose socket is in SANLOCK_RUN_DIR; each client registers itself.
//
//   diskpaxos-peer-sanlock prepare LAYOUT DEVICE       makes a lockspace and its leases, and joins
//   diskpaxos-peer-sanlock [--clients N] [--seconds S] [--server PID] LAYOUT DEVICE
//
// LAYOUT: NUMBER:SECTOR:HOSTS. NUMBER says which part of the device; SECTOR is 512 or 4096 bytes,
// an area always one MiB; HOSTS is how many may take part, 0 as many as fit.
#include <fmt/format.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "bench/peers/pairs.hpp"

extern "C" {  // which these headers leave out
#include <sanlock.h>
#include <sanlock_admin.h>
#include <sanlock_resource.h>
}

namespace diskpaxos::bench {
namespace {

constexpr unsigned most_locks = 32;  // of one layout
constexpr std::uint64_t area = 1 << 20;
constexpr unsigned io_timeout = 2;  // seconds; a join waits for two of them

struct Layout {
    unsigned number = 0;
    unsigned sector = 512;
    unsigned hosts = 0;
    std::string device;

    std::string name() const { return fmt::format("peer-{}", number); }
    std::uint64_t start() const { return number * (1 + most_locks) * area; }
};

Layout layout_of(const std::string& text, const std::string& device) {
    Layout layout{.device = device};
    if (std::sscanf(text.c_str(), "%u:%u:%u", &layout.number, &layout.sector, &layout.hosts) != 3) {
        fail("a layout is NUMBER:SECTOR:HOSTS");
    }
    return layout;
}

void expect(int result, const char* what) {
    if (result < 0) fail(fmt::format("sanlock: {}: {}", what, result));
}

sanlk_lockspace lockspace_of(const Layout& layout) {
    sanlk_lockspace space{};
    layout.name().copy(space.name, sizeof space.name - 1);
    space.host_id = 1;
    layout.device.copy(space.host_id_disk.path, sizeof space.host_id_disk.path - 1);
    space.host_id_disk.offset = layout.start();
    space.flags =
        SANLK_LSF_ALIGN1M | (layout.sector == 512 ? SANLK_LSF_SECTOR512 : SANLK_LSF_SECTOR4K);
    return space;
}

class Lease {
  public:
    Lease(const Layout& layout, unsigned number) {
        std::string text = fmt::format("{}:lock-{}:{}:{}", layout.name(), number, layout.device,
                                       layout.start() + (1 + number) * area);
        expect(sanlock_str_to_res(text.data(), &resource_), "the name of a lease");
        resource_->flags |=
            SANLK_RES_ALIGN1M | (layout.sector == 512 ? SANLK_RES_SECTOR512 : SANLK_RES_SECTOR4K);
        if (layout.hosts == 0) return;
        resource_->flags |= SANLK_RES_NUM_HOSTS;  // heeded when it is acquired, not when it is made
        resource_->data32 = layout.hosts;
    }
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    ~Lease() { std::free(resource_); }
    sanlk_resource* get() const { return resource_; }

  private:
    sanlk_resource* resource_ = nullptr;
};

void prepare(const Layout& layout) {
    sanlk_lockspace space = lockspace_of(layout);
    expect(sanlock_write_lockspace(&space, 0, 0, io_timeout), "write_lockspace");
    for (unsigned i = 0; i < most_locks; ++i) {
        const Lease lease(layout, i);
        expect(sanlock_write_resource(lease.get(), 0, 0, 0), "write_resource");
    }
    expect(sanlock_add_lockspace_timeout(&space, 0, io_timeout), "add_lockspace");
}

class Sanlock final : public Client {
  public:
    Sanlock(const Layout& layout, unsigned number)
        : lease_(layout, number), socket_(sanlock_register()) {
        expect(socket_, "register");
    }
    ~Sanlock() override { close(socket_); }

    void acquire() override {
        sanlk_resource* wanted = lease_.get();
        expect(sanlock_acquire(socket_, -1, 0, 1, &wanted, nullptr), "acquire");
    }
    void release() override {
        sanlk_resource* held = lease_.get();
        expect(sanlock_release(socket_, -1, 0, 1, &held), "release");
    }

  private:
    Lease lease_;
    int socket_;
};

}  // namespace
}  // namespace diskpaxos::bench

int main(int count, char** words) {
    using namespace diskpaxos::bench;
    const bool preparing = count > 1 && std::string(words[1]) == "prepare";
    const std::string usage =
        "diskpaxos-peer-sanlock prepare | [--clients N] [--seconds S] [--server PID], and LAYOUT "
        "DEVICE";
    const Wish wish =
        preparing ? wish_of(count - 1, words + 1, 2, usage) : wish_of(count, words, 2, usage);
    const Layout layout = layout_of(wish.words[0], wish.words[1]);
    if (wish.clients > most_locks) fail(fmt::format("there are {} leases", most_locks));
    if (preparing) {
        prepare(layout);
        return 0;
    }
    return measure_pairs(wish, [&](const Wish&, unsigned number) {
        return std::make_unique<Sanlock>(layout, number);
    });
}
