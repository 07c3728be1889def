// What a target calls a LUN, from the pages of vital product data that libiscsi has taken apart.
#pragma once

#include <string>

namespace diskpaxos::scsi {

// Of page 83h: the most binding of its designators of the logical unit. Empty: there is none.
std::string identity_of(const void* device_identification);

// Of page 80h: good among the LUNs of one vendor. Empty: it has no serial number.
std::string serial_of(const void* unit_serial_number);

}  // namespace diskpaxos::scsi
