// Certificates from files, as OpenSSL takes them. The files are read by us, not by OpenSSL: whatever
// stands at a path, reading it ends soon, and nobody is asked for a password.
#pragma once

#include <openssl/types.h>

#include "diskpaxos/error.hpp"
#include "net/keys.hpp"

namespace diskpaxos::net {

// Our certificate with its chain, its key, and those whose signatures we believe. Errors: usage for
// what is not what it should be; those of io::read_small_file().
Result<void> load_certificates(SSL_CTX* context, const CertificateFiles& files);

std::string openssl_reason();  // what OpenSSL says last
// The same as a sentence about `what`; and forgets it.
Error openssl_error(const std::string& what, Code code = Code::usage);

}  // namespace diskpaxos::net
