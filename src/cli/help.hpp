// Help, written from the table of verbs.
#pragma once

#include "cli/output.hpp"
#include "cli/verbs.hpp"

namespace diskpaxos::cli {

void show_help(const Verb& verb, Output& out);

}  // namespace diskpaxos::cli
