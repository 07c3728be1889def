// A number that means one thing only.
#pragma once

#include <compare>

namespace diskpaxos {

template <class Tag, class Rep>
struct Strong {
    Rep value{};

    constexpr Strong() = default;
    constexpr explicit Strong(Rep v) : value(v) {}
    auto operator<=>(const Strong&) const = default;
};

}  // namespace diskpaxos
