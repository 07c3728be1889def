#include "net/certificates.hpp"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include <memory>

#include "base/check.hpp"
#include "io/small_file.hpp"

namespace diskpaxos::net {

namespace {

template <auto free>
struct Free {
    template <class Object>
    void operator()(Object* object) const {
        free(object);
    }
};
using Bio = std::unique_ptr<BIO, Free<BIO_free>>;
using Certificate = std::unique_ptr<X509, Free<X509_free>>;
using Key = std::unique_ptr<EVP_PKEY, Free<EVP_PKEY_free>>;

struct FreeInfos {
    void operator()(STACK_OF(X509_INFO) * infos) const {
        sk_X509_INFO_pop_free(infos, X509_INFO_free);
    }
};
using Infos = std::unique_ptr<STACK_OF(X509_INFO), FreeInfos>;

// One whose password somebody would have to type is of no use to a program that runs by itself.
int no_password(char* /*buffer*/, int /*size*/, int /*writing*/, void* /*user*/) { return -1; }

struct Pem {
    std::string text;  // the BIO reads from it
    Bio bio;
};

Result<Pem> read(const std::string& path, const std::string& what) {
    auto file = io::read_small_file(path, what);
    if (!file) return std::unexpected(file.error());
    Pem pem{.text = std::move(file->text), .bio = nullptr};
    return pem;
}

BIO* bio_of(Pem& pem) {
    pem.bio.reset(BIO_new_mem_buf(pem.text.data(), static_cast<int>(pem.text.size())));
    CHECK(pem.bio != nullptr);
    return pem.bio.get();
}

// Whether what OpenSSL complained of last is only that nothing more is there; then it is forgotten.
bool at_the_end() {
    const unsigned long last = ERR_peek_last_error();
    const bool end = ERR_GET_LIB(last) == ERR_LIB_PEM && ERR_GET_REASON(last) == PEM_R_NO_START_LINE;
    if (end) ERR_clear_error();
    return end;
}

bool use_chain(SSL_CTX* context, BIO* bio) {
    const Certificate own(PEM_read_bio_X509_AUX(bio, nullptr, no_password, nullptr));
    if (own == nullptr || SSL_CTX_use_certificate(context, own.get()) != 1) return false;
    while (X509* next = PEM_read_bio_X509(bio, nullptr, no_password, nullptr)) {
        if (SSL_CTX_add0_chain_cert(context, next) == 1) continue;
        X509_free(next);
        return false;
    }
    return at_the_end();
}

bool use_key(SSL_CTX* context, BIO* bio) {
    const Key key(PEM_read_bio_PrivateKey(bio, nullptr, no_password, nullptr));
    return key != nullptr && SSL_CTX_use_PrivateKey(context, key.get()) == 1;
}

bool is_of_another() {
    const int reason = ERR_GET_REASON(ERR_peek_last_error());
    return reason == X509_R_KEY_VALUES_MISMATCH || reason == X509_R_KEY_TYPE_MISMATCH;
}

bool believe(SSL_CTX* context, BIO* bio) {
    const Infos infos(PEM_X509_INFO_read_bio(bio, nullptr, no_password, nullptr));
    if (infos == nullptr) return false;
    X509_STORE* store = SSL_CTX_get_cert_store(context);
    int certificates = 0;
    for (int i = 0; i < sk_X509_INFO_num(infos.get()); ++i) {
        const X509_INFO* info = sk_X509_INFO_value(infos.get(), i);
        if (info->x509 != nullptr && X509_STORE_add_cert(store, info->x509) != 1) return false;
        if (info->crl != nullptr && X509_STORE_add_crl(store, info->crl) != 1) return false;
        certificates += info->x509 != nullptr ? 1 : 0;
    }
    if (certificates == 0) ERR_raise(ERR_LIB_X509, X509_R_NO_CERTIFICATE_FOUND);
    return certificates > 0;
}

}  // namespace

std::string openssl_reason() {
    const char* reason = ERR_reason_error_string(ERR_peek_last_error());
    return reason != nullptr ? reason : "no reason given";
}

Error openssl_error(const std::string& what, Code code) {
    Error error{code, fmt::format("{}: {}", what, openssl_reason())};
    ERR_clear_error();
    return error;
}

Result<void> load_certificates(SSL_CTX* context, const CertificateFiles& files) {
    ERR_clear_error();
    auto certificate = read(files.certificate, "the certificate");
    if (!certificate) return std::unexpected(certificate.error());
    auto key = read(files.key, "the key");
    if (!key) return std::unexpected(key.error());
    auto authority = read(files.authority, "the authority");
    if (!authority) return std::unexpected(authority.error());
    const auto unusable = [](const std::string& what) {
        return std::unexpected(openssl_error(what + " cannot be used"));
    };
    if (!use_chain(context, bio_of(*certificate))) {
        return unusable("the certificate " + files.certificate);
    }
    if (!use_key(context, bio_of(*key))) {
        if (!is_of_another()) return unusable("the key " + files.key);
        return std::unexpected(openssl_error(
            fmt::format("{} is not the key of {}", files.key, files.certificate)));
    }
    CHECK(SSL_CTX_check_private_key(context) == 1);
    if (!believe(context, bio_of(*authority))) return unusable("the authority " + files.authority);
    return {};
}

}  // namespace diskpaxos::net
