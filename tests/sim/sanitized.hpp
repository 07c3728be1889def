// Whether this build runs under the address sanitizer, many times slower: then corpora are smaller.
#pragma once

namespace diskpaxos::sim {

#if defined(__SANITIZE_ADDRESS__)
inline constexpr bool sanitized = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
inline constexpr bool sanitized = true;
#else
inline constexpr bool sanitized = false;
#endif
#else
inline constexpr bool sanitized = false;
#endif

}  // namespace diskpaxos::sim
