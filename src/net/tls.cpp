#include "net/tls.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <utility>

#include "base/check.hpp"
#include "net/certificates.hpp"
#include "net/printable.hpp"
#include "net/tls_words.hpp"

namespace diskpaxos::net {

namespace {

// The hash of a pre-shared key is SHA-256 unless somebody says otherwise (RFC 8446, 4.2.11), and
// one suite for both kinds of proof is one thing less to get wrong.
constexpr const char* suite = "TLS_AES_128_GCM_SHA256";
constexpr unsigned char suite_bytes[] = {0x13, 0x01};

std::string common_name(const X509* certificate) {
    const X509_NAME* subject = X509_get_subject_name(certificate);
    const int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
    if (at < 0) return {};
    unsigned char* text = nullptr;
    const int length =
        ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
    if (length < 0) return {};
    std::string name(reinterpret_cast<const char*>(text), static_cast<std::size_t>(length));
    OPENSSL_free(text);
    // A name that is not what it looks like is none, and neither is one that we give ourselves.
    const auto odd = [](char c) { return c >= 0 && (c < ' ' || c == 127); };
    return std::ranges::any_of(name, odd) || is_reserved(name) ? std::string() : name;
}

// A session that stands for a pre-shared key, as OpenSSL wants it. The caller's.
SSL_SESSION* session_of(SSL* ssl, const PresharedKey& key) {
    SSL_SESSION* session = SSL_SESSION_new();
    const SSL_CIPHER* cipher = SSL_CIPHER_find(ssl, suite_bytes);
    CHECK(session != nullptr && cipher != nullptr);
    const auto* bytes = reinterpret_cast<const unsigned char*>(key.key.data());
    CHECK(SSL_SESSION_set1_master_key(session, bytes, key.key.size()) == 1);
    CHECK(SSL_SESSION_set_cipher(session, cipher) == 1);
    CHECK(SSL_SESSION_set_protocol_version(session, TLS1_3_VERSION) == 1);
    return session;
}

}  // namespace

struct Tls::State {
    SSL_CTX* context = nullptr;
    bool server = false;
    std::vector<PresharedKey> keys;  // of a client: its only one, or none

    State() = default;
    State(const State&) = delete;
    State& operator=(const State&) = delete;
    ~State() { SSL_CTX_free(context); }

    Result<void> prepare(const CertificateFiles* files);

    static int find_session(SSL* ssl, const unsigned char* identity, std::size_t length,
                            SSL_SESSION** session);
    static int see_certificate(int fine, X509_STORE_CTX* chain);
    static int use_session(SSL* ssl, const EVP_MD* hash, const unsigned char** identity,
                           std::size_t* length, SSL_SESSION** session);
};

struct TlsSession::Ssl {
    SSL* ssl = nullptr;
    BIO* incoming = nullptr;
    BIO* outgoing = nullptr;

    Ssl() = default;
    Ssl(const Ssl&) = delete;
    Ssl& operator=(const Ssl&) = delete;
    ~Ssl() { SSL_free(ssl); }  // and both BIOs
};

// Server: the session of the key that the client names. An unknown name is no error here: the
// client may have a certificate as well.
int Tls::State::find_session(SSL* ssl, const unsigned char* identity, std::size_t length,
                             SSL_SESSION** session) {
    auto& own = *static_cast<TlsSession*>(SSL_get_app_data(ssl));
    // Of one that is too long to be known only the beginning is kept.
    const std::size_t kept = std::min(length, PresharedKey::longest_identity + 1);
    own.identity_.assign(reinterpret_cast<const char*>(identity), kept);
    const auto& keys = own.state_->keys;
    const auto key = std::ranges::find(keys, own.identity_, &PresharedKey::identity);
    own.known_ = key != keys.end();
    *session = own.known_ ? session_of(ssl, *key) : nullptr;
    return 1;
}

// Server: a certificate without a name is refused while the other end still listens to why.
int Tls::State::see_certificate(int fine, X509_STORE_CTX* chain) {
    if (fine != 1 || X509_STORE_CTX_get_error_depth(chain) != 0) return fine;
    const int place = SSL_get_ex_data_X509_STORE_CTX_idx();
    auto* ssl = static_cast<SSL*>(X509_STORE_CTX_get_ex_data(chain, place));
    if (ssl == nullptr || SSL_is_server(ssl) == 0) return fine;
    auto& own = *static_cast<TlsSession*>(SSL_get_app_data(ssl));
    own.nameless_ = common_name(X509_STORE_CTX_get0_cert(chain)).empty();
    if (!own.nameless_) return fine;
    X509_STORE_CTX_set_error(chain, X509_V_ERR_CERT_REJECTED);
    return 0;
}

int Tls::State::use_session(SSL* ssl, const EVP_MD* hash, const unsigned char** identity,
                            std::size_t* length, SSL_SESSION** session) {
    const auto& own = *static_cast<TlsSession*>(SSL_get_app_data(ssl));
    *session = nullptr;
    *identity = nullptr;
    *length = 0;
    const auto& keys = own.state_->keys;
    if (keys.empty() || (hash != nullptr && !EVP_MD_is_a(hash, "SHA256"))) return 1;
    *session = session_of(ssl, keys.front());
    *identity = reinterpret_cast<const unsigned char*>(keys.front().identity.data());
    *length = keys.front().identity.size();
    return 1;
}

Result<void> Tls::State::prepare(const CertificateFiles* files) {
    context = SSL_CTX_new(server ? TLS_server_method() : TLS_client_method());
    if (context == nullptr) return std::unexpected(openssl_error("OpenSSL cannot be used", Code::io));
    CHECK(SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) == 1);
    CHECK(SSL_CTX_set_max_proto_version(context, TLS1_3_VERSION) == 1);
    CHECK(SSL_CTX_set_ciphersuites(context, suite) == 1);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_options(context, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION);
    CHECK(SSL_CTX_set_num_tickets(context, 0) == 1);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);  // what an idle connection needs
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, see_certificate);
    if (server) {
        SSL_CTX_set_psk_find_session_callback(context, find_session);
        // Some context must be set for a session to be believed, even one made of a key.
        CHECK(SSL_CTX_set_session_id_context(context, suite_bytes, sizeof suite_bytes) == 1);
    } else {
        SSL_CTX_set_psk_use_session_callback(context, use_session);
    }
    return files != nullptr ? load_certificates(context, *files) : Result<void>();
}

Tls::Tls(std::shared_ptr<State> state) : state_(std::move(state)) {}
Tls::~Tls() = default;

Result<std::unique_ptr<Tls>> Tls::made(std::shared_ptr<State> state,
                                       const CertificateFiles* files) {
    const Result<void> prepared = state->prepare(files);
    if (!prepared) return std::unexpected(prepared.error());
    return std::unique_ptr<Tls>(new Tls(std::move(state)));
}

Result<std::unique_ptr<Tls>> Tls::client(PresharedKey key) {
    auto state = std::make_shared<State>();
    state->keys.push_back(std::move(key));
    return made(std::move(state), nullptr);
}

Result<std::unique_ptr<Tls>> Tls::client(const CertificateFiles& files) {
    return made(std::make_shared<State>(), &files);
}

Result<std::unique_ptr<Tls>> Tls::server(std::vector<PresharedKey> keys,
                                         const CertificateFiles* files) {
    CHECK(!keys.empty() || files != nullptr);
    auto state = std::make_shared<State>();
    state->server = true;
    state->keys = std::move(keys);
    return made(std::move(state), files);
}

std::unique_ptr<TlsSession> Tls::session(const std::string& host) const {
    std::unique_ptr<TlsSession> session(new TlsSession(state_));
    SSL* ssl = session->ssl_->ssl;
    if (!host.empty() && !state_->server) {
        in6_addr number{};
        const bool numeric = inet_pton(AF_INET, host.c_str(), &number) == 1 ||
                             inet_pton(AF_INET6, host.c_str(), &number) == 1;
        CHECK((numeric ? X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host.c_str())
                       : SSL_set1_host(ssl, host.c_str())) == 1);
    }
    return session;
}

bool Tls::still_lets_in(const TlsSession& session) const {
    SSL* ssl = session.ssl_->ssl;
    if (SSL_session_reused(ssl) == 1) {  // it came with a key
        const auto key_of = [&session](const std::vector<PresharedKey>& keys) {
            return std::ranges::find(keys, session.peer_, &PresharedKey::identity);
        };
        const auto now = key_of(state_->keys);
        const auto then = key_of(session.state_->keys);
        return now != state_->keys.end() && then != session.state_->keys.end() && *now == *then;
    }
    X509* certificate = SSL_get0_peer_certificate(ssl);
    const std::unique_ptr<X509_STORE_CTX, decltype(&X509_STORE_CTX_free)> chain(
        X509_STORE_CTX_new(), X509_STORE_CTX_free);
    CHECK(chain != nullptr);
    const bool sound = X509_STORE_CTX_init(chain.get(), SSL_CTX_get_cert_store(state_->context),
                                           certificate, SSL_get_peer_cert_chain(ssl)) == 1 &&
                       X509_STORE_CTX_set_default(chain.get(), "ssl_client") == 1 &&
                       X509_verify_cert(chain.get()) == 1;
    ERR_clear_error();
    return sound;
}

TlsSession::TlsSession(std::shared_ptr<Tls::State> state)
    : state_(std::move(state)), ssl_(std::make_unique<Ssl>()) {
    ssl_->ssl = SSL_new(state_->context);
    ssl_->incoming = BIO_new(BIO_s_mem());
    ssl_->outgoing = BIO_new(BIO_s_mem());
    CHECK(ssl_->ssl != nullptr && ssl_->incoming != nullptr && ssl_->outgoing != nullptr);
    SSL_set_bio(ssl_->ssl, ssl_->incoming, ssl_->outgoing);
    SSL_set_app_data(ssl_->ssl, this);
    state_->server ? SSL_set_accept_state(ssl_->ssl) : SSL_set_connect_state(ssl_->ssl);
}

TlsSession::~TlsSession() = default;

void TlsSession::feed(ByteView bytes) {
    if (bytes.empty()) return;
    const int count = static_cast<int>(bytes.size());
    CHECK(BIO_write(ssl_->incoming, bytes.data(), count) == count);
}

bool TlsSession::take_outgoing(Bytes& to) {
    to.resize(BIO_ctrl_pending(ssl_->outgoing));
    if (to.empty()) return false;
    const int count = static_cast<int>(to.size());
    CHECK(BIO_read(ssl_->outgoing, to.data(), count) == count);
    return true;
}

Result<bool> TlsSession::handshake() {
    ERR_clear_error();
    const int result = SSL_do_handshake(ssl_->ssl);
    if (result == 1) {
        if (name_peer()) return true;
        return std::unexpected(
            Error{Code::permission, "the other end has no name that it may have"});
    }
    if (SSL_get_error(ssl_->ssl, result) == SSL_ERROR_WANT_READ) return false;
    return std::unexpected(failure());
}

bool TlsSession::name_peer() {
    if (SSL_session_reused(ssl_->ssl) == 1) {  // the only session there is stands for the key
        peer_ = state_->server ? identity_ : state_->keys.front().identity;
        return !is_reserved(peer_);
    }
    const X509* certificate = SSL_get0_peer_certificate(ssl_->ssl);
    CHECK(certificate != nullptr && SSL_get_verify_result(ssl_->ssl) == X509_V_OK);
    peer_ = common_name(certificate);  // of a server it says nothing that we go by
    return !peer_.empty() || !state_->server;
}

Result<std::size_t> TlsSession::read(ByteSpan into) {
    ERR_clear_error();
    std::size_t count = 0;
    const int result = SSL_read_ex(ssl_->ssl, into.data(), into.size(), &count);
    if (result == 1) return count;
    switch (SSL_get_error(ssl_->ssl, result)) {
        case SSL_ERROR_WANT_READ:
            return 0;
        case SSL_ERROR_ZERO_RETURN:
            finished_ = true;
            return 0;
        default:
            return std::unexpected(failure());
    }
}

Result<void> TlsSession::write(ByteView bytes) {
    ERR_clear_error();
    std::size_t count = 0;
    if (bytes.empty()) return {};
    if (SSL_write_ex(ssl_->ssl, bytes.data(), bytes.size(), &count) == 1) return {};
    return std::unexpected(failure());
}

void TlsSession::finish() {
    ERR_clear_error();
    if (SSL_is_init_finished(ssl_->ssl) == 1) SSL_shutdown(ssl_->ssl);
}

Error TlsSession::failure() {
    const int reason = ERR_GET_REASON(ERR_peek_last_error());
    const Code code = is_no_tls(reason) ? Code::io : Code::permission;
    Error error{code, why_failed()};
    ERR_clear_error();
    return error;
}

std::string TlsSession::why_failed() {
    const unsigned long last = ERR_peek_last_error();
    const int reason = ERR_GET_REASON(last);
    const bool shared_key = !state_->server && !state_->keys.empty();
    // It may end that itself, having met our certificate instead.
    if (state_->server && !identity_.empty() && !known_) {
        return fmt::format("nobody here has the identity \"{}\"", printable(identity_));
    }
    if (const char* words = refused_by_peer(reason, shared_key)) {
        if (!shared_key) return words;
        return fmt::format("{} \"{}\"", words, printable(state_->keys.front().identity));
    }
    if (is_no_tls(reason)) return "what the other end sends is not TLS 1.3";
    std::string refused = why_refused(reason);
    return refused.empty() ? fmt::format("TLS has failed: {}", openssl_reason()) : refused;
}

// Why we do not believe the other end.
std::string TlsSession::why_refused(int reason) {
    if (reason == SSL_R_BINDER_DOES_NOT_VERIFY) {
        return fmt::format("the other end has another key for the identity \"{}\"",
                           printable(identity_));
    }
    if (reason == SSL_R_CERTIFICATE_VERIFY_FAILED) {
        if (!state_->server && !state_->keys.empty()) {  // who knows our key shows none
            return fmt::format(
                "the other end does not know our identity \"{}\": it shows a certificate instead",
                printable(state_->keys.front().identity));
        }
        if (nameless_) {
            return "the certificate of the other end has no common name, or one that it may not "
                   "have";
        }
        return fmt::format("the certificate of the other end is refused: {}",
                           X509_verify_cert_error_string(SSL_get_verify_result(ssl_->ssl)));
    }
    if (reason == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE) {
        return "the other end shows neither a key that we know nor a certificate";
    }
    return {};
}

}  // namespace diskpaxos::net
