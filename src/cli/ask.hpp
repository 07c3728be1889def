// Asking a person before something that cannot be undone.
#pragma once

#include <string>

#include "cli/invocation.hpp"

namespace diskpaxos::cli {

// `what`: the sentences that say what will be done, without a last full stop. Only the word yes is
// a yes; --force is one, too. Without a terminal and without --force the answer is no.
Result<void> ask(const std::string& what, const Invocation& call);

}  // namespace diskpaxos::cli
