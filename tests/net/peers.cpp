#include "peers.hpp"

#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <cstdio>
#include <utility>

#include "base/check.hpp"
#include "io/threads.hpp"
#include "io/uring.hpp"

namespace diskpaxos::net {

namespace {

Task<void> echo(Rig& rig, std::unique_ptr<Stream> stream, std::shared_ptr<Tls> tls) {
    if (tls) {
        const Result<void> secured = co_await stream->secure(tls->session(), rig.soon());
        if (!secured) {
            rig.refusals.push_back(secured.error().sentence);
            co_return;
        }
        rig.names.push_back(stream->peer());
    }
    Bytes piece(64 * 1024);
    for (;;) {
        const Result<std::size_t> count = co_await stream->read_some(piece);
        if (!count || *count == 0) break;
        const Result<void> written = co_await stream->write(ByteView(piece).first(*count));
        if (!written) break;
    }
    co_await stream->close(rig.soon());
}

Task<void> take_all(Rig& rig, Listener& listener, std::shared_ptr<Tls> tls) {
    for (;;) {
        std::unique_ptr<Stream> stream = co_await listener.accept();
        rig.scope.spawn(echo(rig, std::move(stream), tls));
    }
}

struct FreeKey {
    void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
struct FreeCertificate {
    void operator()(X509* certificate) const { X509_free(certificate); }
};
using KeyPtr = std::unique_ptr<EVP_PKEY, FreeKey>;
using CertificatePtr = std::unique_ptr<X509, FreeCertificate>;

CertificatePtr bare_certificate(EVP_PKEY* key, const std::string& common_name, long seconds) {
    static long serial = 0;
    CertificatePtr certificate(X509_new());
    X509_set_version(certificate.get(), X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), ++serial);
    X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -7200);
    X509_gmtime_adj(X509_getm_notAfter(certificate.get()), seconds);
    X509_set_pubkey(certificate.get(), key);
    const auto* name = reinterpret_cast<const unsigned char*>(common_name.c_str());
    X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate.get()), "CN", MBSTRING_UTF8, name,
                               -1, -1, 0);
    return certificate;
}

void extend(X509* certificate, int nid, const char* value) {
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, nid, value);
    CHECK(extension != nullptr);
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
}

void save(const std::string& stem, X509* certificate, EVP_PKEY* key) {
    std::FILE* file = std::fopen((stem + ".crt").c_str(), "w");
    CHECK(file != nullptr && PEM_write_X509(file, certificate) == 1);
    std::fclose(file);
    file = std::fopen((stem + ".key").c_str(), "w");
    CHECK(file != nullptr &&
          PEM_write_PrivateKey(file, key, nullptr, nullptr, 0, nullptr, nullptr) == 1);
    std::fclose(file);
}

}  // namespace

std::vector<Carrier> carriers() {
    std::vector<Carrier> usable;
    if (io::make_loop(io::Backend::uring).has_value()) {
        usable = {Carrier::uring, Carrier::old_uring};
    }
    usable.push_back(Carrier::threads);
    return usable;
}

std::unique_ptr<io::Loop> make_loop(Carrier carrier) {
    if (carrier == Carrier::threads) return std::make_unique<io::ThreadLoop>();
    auto made = io::UringLoop::make(carrier == Carrier::uring);
    CHECK(made.has_value());
    return std::move(*made);
}

std::string carrier_name(const testing::TestParamInfo<Carrier>& info) {
    constexpr const char* names[] = {"uring", "old_uring", "threads"};
    return names[static_cast<std::size_t>(info.param)];
}

ScratchDirectory::ScratchDirectory() {
    std::string name = testing::TempDir() + "/diskpaxos-net-XXXXXX";
    CHECK(mkdtemp(name.data()) != nullptr);
    path_ = name;
}

ScratchDirectory::~ScratchDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

PresharedKey key_of(const std::string& identity, std::uint8_t fill) {
    return PresharedKey{identity, Bytes(32, std::byte{fill})};
}

std::string encrypted_key() {
    const KeyPtr key(EVP_EC_gen("P-256"));
    char* text = nullptr;
    std::size_t length = 0;
    std::FILE* file = open_memstream(&text, &length);
    unsigned char password[] = "unknown";
    CHECK(PEM_write_PrivateKey(file, key.get(), EVP_aes_128_cbc(), password, 7, nullptr, nullptr) == 1);
    std::fclose(file);
    std::string pem(text, length);
    std::free(text);
    return pem;
}

Authority::Authority(ScratchDirectory& scratch, const std::string& name)
    : scratch_(scratch), name_(name) {
    const KeyPtr key(EVP_EC_gen("P-256"));
    const CertificatePtr own = bare_certificate(key.get(), "the authority", 3600);
    X509_set_issuer_name(own.get(), X509_get_subject_name(own.get()));
    extend(own.get(), NID_basic_constraints, "critical,CA:TRUE");
    CHECK(X509_sign(own.get(), key.get(), EVP_sha256()) > 0);
    save(scratch_.at(name_), own.get(), key.get());
}

CertificateFiles Authority::issue(const std::string& common_name, long seconds) const {
    std::FILE* file = std::fopen(scratch_.at(name_ + ".key").c_str(), "r");
    const KeyPtr signer(PEM_read_PrivateKey(file, nullptr, nullptr, nullptr));
    std::fclose(file);
    file = std::fopen(scratch_.at(name_ + ".crt").c_str(), "r");
    const CertificatePtr authority(PEM_read_X509(file, nullptr, nullptr, nullptr));
    std::fclose(file);

    const KeyPtr key(EVP_EC_gen("P-256"));
    const CertificatePtr own = bare_certificate(key.get(), common_name, seconds);
    X509_set_issuer_name(own.get(), X509_get_subject_name(authority.get()));
    extend(own.get(), NID_subject_alt_name, "IP:127.0.0.1,DNS:localhost");
    CHECK(X509_sign(own.get(), signer.get(), EVP_sha256()) > 0);
    const std::string stem = scratch_.at(name_ + "-" + common_name);
    save(stem, own.get(), key.get());
    return {.certificate = stem + ".crt",
            .key = stem + ".key",
            .authority = scratch_.at(name_ + ".crt")};
}

Endpoint endpoint_of(const std::string& text) {
    const Result<Address> address = parse_address(text, 0);
    CHECK(address.has_value());
    const auto endpoints = resolve(*address);
    CHECK(endpoints.has_value());
    return endpoints->front();
}

Endpoint Rig::serve_echo(const std::string& address, std::shared_ptr<Tls> tls) {
    auto listener = Listener::open(*loop, endpoint_of(address));
    CHECK(listener.has_value());
    listeners.push_back(std::move(*listener));
    scope.spawn(take_all(*this, *listeners.back(), std::move(tls)));
    return listeners.back()->endpoint();
}

}  // namespace diskpaxos::net
