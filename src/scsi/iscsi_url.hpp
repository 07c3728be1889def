// What has to be known of an iSCSI URL before libiscsi takes it apart.
#pragma once

#include <string>
#include <string_view>

#include "diskpaxos/error.hpp"

namespace diskpaxos::scsi {

inline constexpr std::string_view iscsi_scheme = "iscsi://";

// The URL without user, password and options: what may be shown.
std::string shown(std::string_view url);

// HOST[:PORT] with the host's address for its name. A name that is looked up again and again would
// hold up the loop each time.
Result<std::string> numeric(const std::string& portal);

// What this host calls itself before a target: its own InitiatorName, if it has one.
std::string initiator_name();

}  // namespace diskpaxos::scsi
