// What `check` says of disks, and of what it has healed.
#pragma once

#include "cli/output.hpp"
#include "group/check.hpp"
#include "group/heal.hpp"
#include "group/heal_registers.hpp"

namespace diskpaxos::cli {

void show(const CheckReport& report, Output& out);
void show(const HealReport& healed, Output& out);
void show(const RegisterReport& healed, Output& out);
Json described(const CheckReport& report);
Json described(const HealReport& healed);

}  // namespace diskpaxos::cli
