// EachWorld: what must hold on every kind of disk and with both backends.
#pragma once

#include <gtest/gtest.h>

#include "process.hpp"
#include "test_disks.hpp"

namespace diskpaxos {

struct RealKind {
    DiskKind disks = DiskKind::file;
    io::Backend backend = io::Backend::uring;
};

inline constexpr RealKind every_kind[] = {{DiskKind::file, io::Backend::uring},
                                          {DiskKind::file, io::Backend::threads},
                                          {DiskKind::loop512, io::Backend::uring},
                                          {DiskKind::loop4096, io::Backend::uring},
                                          {DiskKind::loop4096, io::Backend::threads}};

inline std::string name_of_kind(const testing::TestParamInfo<RealKind>& info) {
    const bool uring = info.param.backend == io::Backend::uring;
    return std::string(name_of(info.param.disks)) + (uring ? "_uring" : "_threads");
}

class EachWorld : public testing::TestWithParam<RealKind> {
  protected:
    void SetUp() override {
        if (!disks.problem().empty()) GTEST_SKIP() << disks.problem();
        if (GetParam().backend == io::Backend::uring &&
            io::backends().front() != GetParam().backend) {
            GTEST_SKIP() << io::make_loop()->remark;
        }
    }
    Process::Wish wish() const { return {.backend = GetParam().backend}; }
    std::vector<std::string> environment() const {
        const bool uring = GetParam().backend == io::Backend::uring;
        return {uring ? "DISKPAXOS_IO=uring" : "DISKPAXOS_IO=threads"};
    }

    TestDisks disks{GetParam().disks, {.slots = 32, .ring = 2, .cells = 16, .tier = usual_tier}};
};

}  // namespace diskpaxos
