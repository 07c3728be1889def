// What `check` says of disks, and of what it has healed.
#pragma once

#include "cli/open_group.hpp"
#include "cli/output.hpp"
#include "group/check.hpp"
#include "group/heal.hpp"
#include "group/heal_registers.hpp"

namespace diskpaxos::cli {

void show(const CheckReport& report, const Unused& unused, Output& out);
void show(const HealReport& healed, const RegisterReport& registers, Output& out);
Json described(const CheckReport& report);
Json described(const HealReport& healed);

}  // namespace diskpaxos::cli
