#include "net/tls_words.hpp"

#include <openssl/ssl.h>

namespace diskpaxos::net {

const char* refused_by_peer(int reason, bool shared_key) {
    switch (reason - SSL_AD_REASON_OFFSET) {
        case SSL_AD_HANDSHAKE_FAILURE:
        case SSL_AD_UNKNOWN_PSK_IDENTITY:
            return shared_key
                       ? "the other end does not know our identity"
                       : "the other end takes no certificates, or asks for what we do not have";
        case SSL_AD_ILLEGAL_PARAMETER:
        case SSL_AD_DECRYPT_ERROR:
            return shared_key ? "the other end has another key for our identity"
                              : "the other end refuses our certificate";
        case SSL_AD_BAD_CERTIFICATE:
        case SSL_AD_UNSUPPORTED_CERTIFICATE:
        case SSL_AD_CERTIFICATE_REVOKED:
        case SSL_AD_CERTIFICATE_UNKNOWN:
        case SSL_AD_UNKNOWN_CA:
            return "the other end refuses our certificate";
        case SSL_AD_CERTIFICATE_EXPIRED:
            return "the other end refuses our certificate: it has expired";
        case SSL_AD_CERTIFICATE_REQUIRED:
            return "the other end asks for a certificate, or for a key that it knows";
        case SSL_AD_PROTOCOL_VERSION:
            return "the other end does not speak TLS 1.3";
        default:
            return nullptr;
    }
}

bool is_no_tls(int reason) {
    switch (reason) {
        case SSL_R_WRONG_VERSION_NUMBER:
        case SSL_R_HTTP_REQUEST:
        case SSL_R_HTTPS_PROXY_REQUEST:
        case SSL_R_PACKET_LENGTH_TOO_LONG:
        case SSL_R_ENCRYPTED_LENGTH_TOO_LONG:
        case SSL_R_BAD_RECORD_TYPE:
        case SSL_R_UNEXPECTED_MESSAGE:
        case SSL_R_UNKNOWN_PROTOCOL:
            return true;
        default:
            return false;
    }
}

}  // namespace diskpaxos::net
