// "Did you mean": the word that somebody who mistyped has meant.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace diskpaxos::cli {

// As in `; did you mean "run"?`: the one of `choices` that is nearest to `word` by letters left out,
// added, changed or swapped, or that alone begins with it. Empty: none is near.
std::string did_you_mean(std::string_view word, std::span<const std::string_view> choices);

}  // namespace diskpaxos::cli
