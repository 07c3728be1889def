// What OpenSSL's reasons mean, in our words.
#pragma once

namespace diskpaxos::net {

// For an alert of the other end; null for any other reason. `shared_key`: we have shown a key.
const char* refused_by_peer(int reason, bool shared_key);

// Whether the other end does not speak TLS at all.
bool is_no_tls(int reason);

}  // namespace diskpaxos::net
