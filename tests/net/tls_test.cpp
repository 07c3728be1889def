// TLS: who may come in, who may not, and what each is told.
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <optional>

#include "peers.hpp"

namespace diskpaxos::net {
namespace {

class TlsTest : public EachCarrier {};
INSTANTIATE_TEST_SUITE_P(, TlsTest, testing::ValuesIn(carriers()), carrier_name);

struct Visit {
    Event done;
    std::string error;
    bool echoed = false;
};

Task<void> visit(Rig& rig, Endpoint to, std::shared_ptr<Tls> tls, std::string host, Visit& result) {
    std::vector<Endpoint> endpoints{to};
    auto made = co_await connect(*rig.loop, endpoints, rig.soon());
    CHECK(made.has_value());
    const std::unique_ptr<Stream> stream = std::move(*made);
    if (tls) {
        const Result<void> secured = co_await stream->secure(tls->session(host), rig.soon());
        if (!secured) result.error = secured.error().sentence;
    }
    if (result.error.empty()) {
        const Bytes sent(100'000, std::byte{42});
        Bytes back(sent.size());
        stream->put(sent);
        for (std::size_t got = 0; got < back.size();) {
            const auto count = co_await stream->read_some(ByteSpan(back).subspan(got), rig.soon());
            if (!count) result.error = count.error().sentence;
            if (!count || *count == 0) break;
            got += *count;
        }
        result.echoed = back == sent;
        co_await stream->close(rig.soon());
    }
    result.done.set();
}

std::shared_ptr<Tls> must(Result<std::unique_ptr<Tls>> made) {
    EXPECT_TRUE(made.has_value()) << made.error().sentence;
    return std::move(*made);
}

// What the client and the server say about a visit.
struct Report {
    bool echoed = false;
    std::string client;
    std::string server;
    std::string name;
};

Report report(Carrier carrier, std::shared_ptr<Tls> server, std::shared_ptr<Tls> client,
              const std::string& host = "127.0.0.1") {
    Rig rig(carrier);
    const Endpoint endpoint = rig.serve_echo("127.0.0.1:0", server);
    Visit result;
    rig.scope.spawn(visit(rig, endpoint, client, host, result));
    rig.loop->run_until(result.done);
    if (!result.echoed) {
        rig.loop->run_until([&rig] { return !rig.refusals.empty() || !rig.names.empty(); });
    }
    return {result.echoed, result.error, rig.refusals.empty() ? "" : rig.refusals.front(),
            rig.names.empty() ? "" : rig.names.front()};
}

bool says(const std::string& sentence, const char* words) {
    return sentence.find(words) != std::string::npos;
}

TEST_P(TlsTest, ASharedKeyLetsInAndNamesThePeer) {
    const auto server = must(Tls::server({key_of("alice", 1), key_of("bob", 2)}, nullptr));
    for (const char* name : {"alice", "bob"}) {
        const auto client = must(Tls::client(key_of(name, name[0] == 'a' ? 1 : 2)));
        const Report met = report(GetParam(), server, client);
        EXPECT_TRUE(met.echoed) << met.client << met.server;
        EXPECT_EQ(met.name, name);
    }
}

TEST_P(TlsTest, AnotherKeyOfThatIdentityIsRefused) {
    const Report met = report(GetParam(), must(Tls::server({key_of("alice", 1)}, nullptr)),
                              must(Tls::client(key_of("alice", 9))));
    EXPECT_FALSE(met.echoed);
    EXPECT_TRUE(says(met.client, "another key for our identity \"alice\"")) << met.client;
    EXPECT_TRUE(says(met.server, "another key for the identity \"alice\"")) << met.server;
}

TEST_P(TlsTest, AnUnknownIdentityIsRefused) {
    const Report met = report(GetParam(), must(Tls::server({key_of("alice", 1)}, nullptr)),
                              must(Tls::client(key_of("mallory", 1))));
    EXPECT_FALSE(met.echoed);
    EXPECT_TRUE(says(met.client, "does not know our identity \"mallory\"")) << met.client;
    EXPECT_TRUE(says(met.server, "nobody here has the identity \"mallory\"")) << met.server;
}

// Before anybody is known, a stranger decides what is said of it: nothing but words, and not many.
TEST_P(TlsTest, WhatAStrangerCallsItselfIsMadePrintable) {
    const auto server = must(Tls::server({key_of("alice", 1)}, nullptr));
    const std::string forged = "x\"\ndiskpaxos-agent: store t: forged\n\x1b]0;pwned\a";
    Report met = report(GetParam(), server, must(Tls::client(key_of(forged, 1))));
    EXPECT_FALSE(met.echoed);
    EXPECT_TRUE(says(met.server, "\\x0adiskpaxos-agent: store t: forged\\x0a\\x1b")) << met.server;
    EXPECT_TRUE(std::ranges::none_of(met.server, [](char c) { return c < ' ' || c == 127; }));
    EXPECT_TRUE(std::ranges::none_of(met.client, [](char c) { return c < ' ' || c == 127; }));
    met = report(GetParam(), server, must(Tls::client(key_of(std::string(200, 'i'), 1))));
    EXPECT_FALSE(met.echoed);
    EXPECT_TRUE(says(met.server, "nobody here has the identity")) << met.server;
    EXPECT_LT(met.server.size(), 250U);
}

TEST_P(TlsTest, AnUnknownIdentityIsToldWhereThereAreCertificatesToo) {
    const Authority authority(scratch);
    const CertificateFiles agent = authority.issue("agent");
    const Report met = report(GetParam(), must(Tls::server({key_of("alice", 1)}, &agent)),
                              must(Tls::client(key_of("mallory", 1))));
    EXPECT_FALSE(met.echoed);
    EXPECT_TRUE(says(met.client, "does not know our identity \"mallory\"")) << met.client;
    EXPECT_TRUE(says(met.server, "nobody here has the identity \"mallory\"")) << met.server;
}

// They are refused within the handshake, so that the client learns why.
TEST_P(TlsTest, ACertificateWithoutAUsableNameIsRefused) {
    const Authority authority(scratch);
    const CertificateFiles agent = authority.issue("agent");
    const auto server = must(Tls::server({}, &agent));
    for (const char* name : {"", "uid:0", "loopback", "a\nb"}) {
        const Report met = report(GetParam(), server, must(Tls::client(authority.issue(name))));
        EXPECT_FALSE(met.echoed) << name;
        EXPECT_TRUE(says(met.client, "refuses our certificate")) << met.client;
        EXPECT_TRUE(says(met.server, "has no common name, or one that it may not have"))
            << met.server;
    }
}

// Both ends of a connection without one.
struct Handshake {
    Handshake(const Tls& server_side, const Tls& client_side)
        : server(server_side.session()), client(client_side.session("127.0.0.1")) {
        Bytes bytes;
        for (int i = 0; i < 10; ++i) {
            if (!client->handshake()) break;
            if (client->take_outgoing(bytes)) server->feed(bytes);
            const auto over = server->handshake();
            if (server->take_outgoing(bytes)) client->feed(bytes);
            done = over && *over;
            if (done) break;
        }
    }
    std::unique_ptr<TlsSession> server;
    std::unique_ptr<TlsSession> client;
    bool done = false;
};

// Whatever stands at a path: one sentence, at once. OpenSSL would wait for the pipe's other end, and
// ask a terminal for the password.
TEST(TlsTrustTest, WhatIsNoCertificateIsAnErrorAtOnce) {
    ScratchDirectory scratch;
    const Authority authority(scratch);
    const CertificateFiles good = authority.issue("agent");
    const CertificateFiles other = authority.issue("other");
    ASSERT_TRUE(Tls::server({}, &good).has_value());
    ASSERT_EQ(mkfifo(scratch.at("pipe").c_str(), 0600), 0);
    std::filesystem::create_directory(scratch.at("folder"));
    std::ofstream(scratch.at("empty"));
    std::ofstream(scratch.at("text")) << "no certificate\n";
    std::ofstream(scratch.at("encrypted")) << encrypted_key();
    struct Case {
        const char* name;
        const char* says;
    };
    for (std::string CertificateFiles::*which :
         {&CertificateFiles::certificate, &CertificateFiles::key, &CertificateFiles::authority}) {
        for (const Case& c : {Case{"pipe", "it is no ordinary file"}, Case{"folder", "Is a directory"},
                              Case{"nothing", "No such file"}, Case{"empty", "cannot be used"},
                              Case{"text", "cannot be used"}, Case{"encrypted", "cannot be used"}}) {
            CertificateFiles files = good;
            files.*which = scratch.at(c.name);
            const auto made = Tls::server({}, &files);
            ASSERT_FALSE(made) << c.name;
            EXPECT_EQ(made.error().code, Code::usage) << c.name;
            EXPECT_TRUE(says(made.error().sentence, scratch.at(c.name).c_str()));
            EXPECT_TRUE(says(made.error().sentence, c.says)) << made.error().sentence;
        }
    }
    CertificateFiles mixed = good;
    mixed.key = other.key;
    EXPECT_TRUE(says(Tls::client(mixed).error().sentence, "is not the key of"));
}

TEST(TlsTrustTest, WhoWasLetInIsTriedAgain) {
    ScratchDirectory scratch;
    const Authority ours(scratch, "ours");
    const Authority theirs(scratch, "theirs");
    const CertificateFiles agent = ours.issue("agent");
    CertificateFiles other = agent;
    other.authority = theirs.issue("x").authority;
    const auto before = must(Tls::server({key_of("alice", 1), key_of("bob", 2)}, &agent));
    std::optional<Handshake> alice(std::in_place, *before, *must(Tls::client(key_of("alice", 1))));
    const Handshake carol(*before, *must(Tls::client(ours.issue("carol"))));
    ASSERT_TRUE(alice->done);
    ASSERT_TRUE(carol.done);

    struct Case {
        std::vector<PresharedKey> keys;
        const CertificateFiles* files;
        bool alice;
        bool carol;
    };
    const std::vector<Case> cases = {
        {{key_of("alice", 1), key_of("bob", 2)}, &agent, true, true},
        {{key_of("alice", 1)}, nullptr, true, false},
        {{key_of("alice", 3)}, &agent, false, true},  // another key under her name
        {{key_of("bob", 1)}, &agent, false, true},
        {{}, &other, false, false},
    };
    for (const Case& c : cases) {
        const auto now = must(Tls::server(c.keys, c.files));
        EXPECT_EQ(now->still_lets_in(*alice->server), c.alice);
        EXPECT_EQ(now->still_lets_in(*carol.server), c.carol);
    }
}

TEST_P(TlsTest, CertificatesOfOneAuthorityLetIn) {
    const Authority authority(scratch);
    const CertificateFiles agent = authority.issue("agent");
    const auto server = must(Tls::server({key_of("alice", 1)}, &agent));
    Report met = report(GetParam(), server, must(Tls::client(authority.issue("carol"))));
    EXPECT_TRUE(met.echoed) << met.client << met.server;
    EXPECT_EQ(met.name, "carol");
    met = report(GetParam(), server, must(Tls::client(authority.issue("carol"))), "localhost");
    EXPECT_TRUE(met.echoed) << met.client << met.server;
    met = report(GetParam(), server, must(Tls::client(key_of("alice", 1))));
    EXPECT_TRUE(met.echoed) << "keys and certificates side by side: " << met.client << met.server;
    EXPECT_EQ(met.name, "alice");
    met = report(GetParam(), server, must(Tls::client(key_of("dave", 1))));
    EXPECT_FALSE(met.echoed);
}

TEST_P(TlsTest, OtherCertificatesAreRefused) {
    const Authority ours(scratch, "ours");
    const Authority theirs(scratch, "theirs");
    const CertificateFiles agent = ours.issue("agent");
    const auto server = must(Tls::server({}, &agent));

    CertificateFiles stranger = theirs.issue("mallory");
    stranger.authority = agent.authority;
    Report met = report(GetParam(), server, must(Tls::client(stranger)));
    EXPECT_FALSE(met.echoed);
    EXPECT_TRUE(says(met.client, "refuses our certificate")) << met.client;
    EXPECT_TRUE(says(met.server, "certificate of the other end is refused")) << met.server;

    met = report(GetParam(), server, must(Tls::client(ours.issue("late", -3600))));
    EXPECT_FALSE(met.echoed);
    EXPECT_TRUE(says(met.client, "expired")) << met.client;
    EXPECT_TRUE(says(met.server, "expired")) << met.server;

    met = report(GetParam(), server, must(Tls::client(theirs.issue("carol"))));
    EXPECT_FALSE(met.echoed);
    EXPECT_TRUE(says(met.client, "certificate of the other end is refused")) << met.client;

    met = report(GetParam(), server, must(Tls::client(ours.issue("carol"))), "other.example");
    EXPECT_FALSE(met.echoed) << "a certificate of another host";
    EXPECT_TRUE(says(met.client, "mismatch")) << met.client;
}

TEST_P(TlsTest, WhoDoesNotSpeakTlsIsTold) {
    const auto server = must(Tls::server({key_of("alice", 1)}, nullptr));
    Report met = report(GetParam(), server, nullptr);
    EXPECT_FALSE(met.echoed);
    EXPECT_TRUE(says(met.server, "not TLS 1.3")) << met.server;

    Rig rig(GetParam());
    const Endpoint echo = rig.serve_echo("127.0.0.1:0");  // sends our own greeting back
    Visit result;
    rig.scope.spawn(visit(rig, echo, must(Tls::client(key_of("alice", 1))), "", result));
    rig.loop->run_until(result.done);
    EXPECT_TRUE(says(result.error, "not TLS 1.3")) << result.error;
}

Task<void> just_connect(Rig& rig, Endpoint to, std::shared_ptr<Tls> tls, Visit& result) {
    std::vector<Endpoint> endpoints{to};
    auto made = co_await connect(*rig.loop, endpoints, rig.soon());
    const Instant deadline = rig.loop->now() + 30ms;
    const Result<void> secured = co_await (*made)->secure(tls->session(), deadline);
    result.error = secured ? "" : secured.error().sentence;
    result.done.set();
}

TEST_P(TlsTest, AHandshakeEndsAtItsDeadline) {
    Rig rig(GetParam());
    auto listener = Listener::open(*rig.loop, endpoint_of("127.0.0.1:0"));  // nobody accepts
    Visit result;
    const auto tls = must(Tls::client(key_of("alice", 1)));
    rig.scope.spawn(just_connect(rig, (*listener)->endpoint(), tls, result));
    rig.loop->run_until(result.done);
    EXPECT_TRUE(says(result.error, "too long")) << result.error;
}

TEST(TlsFilesTest, WhatCannotBeUsedIsNamed) {
    ScratchDirectory scratch;
    const Authority authority(scratch);
    CertificateFiles files = authority.issue("a");
    files.key = authority.issue("b").key;
    auto made = Tls::client(files);
    ASSERT_FALSE(made.has_value());
    EXPECT_TRUE(says(made.error().sentence, "-b.key")) << made.error().sentence;
    files.certificate = scratch.at("nothing");
    made = Tls::client(files);
    ASSERT_FALSE(made.has_value());
    EXPECT_TRUE(says(made.error().sentence, "nothing")) << made.error().sentence;
}

}  // namespace
}  // namespace diskpaxos::net
