#include "scsi/open.hpp"

#include <fmt/format.h>

#include "scsi/iscsi_lun.hpp"
#include "scsi/iscsi_url.hpp"
#include "scsi/probe.hpp"
#include "scsi/sg_lun.hpp"

namespace diskpaxos::scsi {

namespace {

constexpr std::string_view device_scheme = "scsi://";

Task<Result<std::unique_ptr<Lun>>> open_lun(World& world, io::Loop& loop, std::string url,
                                            Duration time_out) {
    if (url.starts_with(iscsi_scheme)) {
        auto opened = co_await IscsiLun::open(world, loop, std::move(url), time_out);
        if (!opened) co_return std::unexpected(opened.error());
        co_return std::unique_ptr<Lun>(*std::move(opened));
    }
    auto opened = co_await SgLun::open(world, loop, url.substr(device_scheme.size()), time_out);
    if (!opened) co_return std::unexpected(opened.error());
    co_return std::unique_ptr<Lun>(*std::move(opened));
}

}  // namespace

bool is_url(std::string_view text) {
    return text.starts_with(iscsi_scheme) || text.starts_with(device_scheme);
}

Task<Result<std::unique_ptr<CawDisk>>> open(World& world, io::Loop& loop, std::string url,
                                            Duration time_out) {
    if (!is_url(url)) {
        co_return std::unexpected(Error{
            Code::usage, fmt::format("{}: neither iscsi://HOST/IQN/LUN nor scsi:///dev/sdX", url)});
    }
    Result<std::unique_ptr<Lun>> lun = co_await open_lun(world, loop, std::move(url), time_out);
    if (!lun) co_return std::unexpected(lun.error());
    const Result<void> works = co_await probe(world, **lun);
    if (!works) co_return std::unexpected(works.error());
    co_return std::make_unique<CawDisk>(world, *std::move(lun), time_out);
}

}  // namespace diskpaxos::scsi
