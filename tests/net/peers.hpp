// What the tests of src/net share: a loop per backend, an address of every kind, keys and
// certificates, and a server that sends back what it gets.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "async/scope.hpp"
#include "io/backend.hpp"
#include "net/connect.hpp"

namespace diskpaxos::net {

using namespace std::chrono_literals;

enum class Carrier : std::uint8_t { uring, old_uring, threads };  // old: without multishot

std::vector<Carrier> carriers();  // those that this machine lets us use
std::unique_ptr<io::Loop> make_loop(Carrier carrier);
std::string carrier_name(const testing::TestParamInfo<Carrier>& info);

class ScratchDirectory {
  public:
    ScratchDirectory();
    ScratchDirectory(const ScratchDirectory&) = delete;
    ScratchDirectory& operator=(const ScratchDirectory&) = delete;
    ~ScratchDirectory();
    std::string at(const std::string& name) const { return path_ / name; }

  private:
    std::filesystem::path path_;
};

PresharedKey key_of(const std::string& identity, std::uint8_t fill = 7);

std::string encrypted_key();  // PEM, of a password that nobody knows

// Makes an authority and certificates of it with OpenSSL's library.
class Authority {
  public:
    explicit Authority(ScratchDirectory& scratch, const std::string& name = "authority");
    CertificateFiles issue(const std::string& common_name, long seconds = 3600) const;

  private:
    ScratchDirectory& scratch_;
    std::string name_;
};

Endpoint endpoint_of(const std::string& text);

// Order of members is the order of death, from the last.
struct Rig {
    explicit Rig(Carrier carrier) : loop(make_loop(carrier)), scope(loop->queue()) {}
    ~Rig() = default;

    // Listens, and echoes whatever comes on every connection until that ends.
    Endpoint serve_echo(const std::string& address, std::shared_ptr<Tls> tls = {});

    Instant soon() const { return loop->now() + 5s; }

    std::unique_ptr<io::Loop> loop;
    std::vector<std::unique_ptr<Listener>> listeners;
    std::vector<std::string> names;     // of the peers that were let in
    std::vector<std::string> refusals;  // and why the others were not
    Scope scope;
};

class EachCarrier : public testing::TestWithParam<Carrier> {
  protected:
    ScratchDirectory scratch;
};

}  // namespace diskpaxos::net
