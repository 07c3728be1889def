// TLS 1.3, by OpenSSL, without sockets: bytes in, bytes out.
//
// Both ends prove who they are: by a pre-shared key, whose identity names the client, or by
// certificates, whose common name does. There is no third way; sessions are not resumed, and
// nothing is sent before the handshake is over.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "net/keys.hpp"

namespace diskpaxos::net {

class TlsSession;

// What one side shows and believes, for any number of sessions.
class Tls {
  public:
    static Result<std::unique_ptr<Tls>> client(PresharedKey key);
    static Result<std::unique_ptr<Tls>> client(const CertificateFiles& files);

    // Takes both where it has both; at least one must be there. `files` may be null.
    static Result<std::unique_ptr<Tls>> server(std::vector<PresharedKey> keys,
                                               const CertificateFiles* files);
    ~Tls();

    // `host` is who the certificate of a server must be for, a name or a number.
    std::unique_ptr<TlsSession> session(const std::string& host = {}) const;

    // Server: whether the other end of a session, of ours or of one that was in our place before,
    // would be let in again: its key is among ours and is the same, or its certificate is sound.
    bool still_lets_in(const TlsSession& session) const;

    struct State;  // OpenSSL's, and the keys: its sessions may outlive us

  private:
    explicit Tls(std::shared_ptr<State> state);
    static Result<std::unique_ptr<Tls>> made(std::shared_ptr<State> state,
                                             const CertificateFiles* files);
    std::shared_ptr<State> state_;
};

class TlsSession {
  public:
    ~TlsSession();
    TlsSession(const TlsSession&) = delete;
    TlsSession& operator=(const TlsSession&) = delete;

    void feed(ByteView bytes);      // what has come from the other end
    bool take_outgoing(Bytes& to);  // what must go there, instead of what was in `to`; if anything

    Result<bool> handshake();                    // whether it is over
    Result<std::size_t> read(ByteSpan into);     // 0: more must come first, or nothing more will
    bool finished() const { return finished_; }  // the other end has said that this was all
    Result<void> write(ByteView bytes);
    void finish();  // says that this was all

    // Who the other end is, once the handshake is over: the identity of the pre-shared key, or the
    // common name of its certificate.
    const std::string& peer() const { return peer_; }

  private:
    friend class Tls;
    friend struct Tls::State;
    struct Ssl;
    explicit TlsSession(std::shared_ptr<Tls::State> state);

    Error failure();
    std::string why_failed();
    std::string why_refused(int reason);  // empty: for another reason
    bool name_peer();

    std::shared_ptr<Tls::State> state_;
    std::unique_ptr<Ssl> ssl_;
    std::string peer_;
    std::string identity_;  // server: what the client calls itself, as a stranger may say it
    bool known_ = false;    // and whether we have its key
    bool nameless_ = false;  // its certificate is sound, but gives it no name that we could use
    bool finished_ = false;
};

}  // namespace diskpaxos::net
