// diskpaxos-peer-etcd: locks on etcd, over gRPC, each client on a connection of its own.
//
//   diskpaxos-peer-etcd [--clients N] [--seconds S] [--server PID] MODE ADDRESS
//
// MODE: txn         a key is created if it is absent, and deleted: no expiry
//       lease       the same with a lease that the client keeps alive: a session of clientv3
//       lease-each  a lease granted and revoked for every lock: `etcdctl lock`
#include <fmt/format.h>
#include <grpcpp/grpcpp.h>

#include <condition_variable>
#include <mutex>
#include <thread>

#include "bench/peers/pairs.hpp"
#include "etcd.grpc.pb.h"

namespace diskpaxos::bench {
namespace {

constexpr std::int64_t ttl_seconds = 10;

void expect(const grpc::Status& status) {
    if (!status.ok()) fail("etcd: " + status.error_message());
}

std::shared_ptr<grpc::Channel> connect(const std::string& address) {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
    arguments.SetInt(GRPC_ARG_MINIMAL_STACK, 1);  // nothing that we do not use
    return grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
}

class Leases {
  public:
    explicit Leases(const std::shared_ptr<grpc::Channel>& channel)
        : stub_(etcdserverpb::Lease::NewStub(channel)) {}

    std::int64_t grant() {
        grpc::ClientContext context;
        etcdserverpb::LeaseGrantRequest request;
        etcdserverpb::LeaseGrantResponse response;
        request.set_ttl(ttl_seconds);
        expect(stub_->LeaseGrant(&context, request, &response));
        return response.id();
    }
    void revoke(std::int64_t lease) {
        grpc::ClientContext context;
        etcdserverpb::LeaseRevokeRequest request;
        etcdserverpb::LeaseRevokeResponse response;
        request.set_id(lease);
        expect(stub_->LeaseRevoke(&context, request, &response));
    }
    void keep_alive(std::int64_t lease, const std::stop_token& stopped) {
        grpc::ClientContext context;
        const auto stream = stub_->LeaseKeepAlive(&context);
        etcdserverpb::LeaseKeepAliveRequest request;
        etcdserverpb::LeaseKeepAliveResponse response;
        request.set_id(lease);
        std::mutex mutex;
        std::condition_variable_any never;
        std::unique_lock lock(mutex);
        while (!stopped.stop_requested()) {
            if (!stream->Write(request) || !stream->Read(&response) || response.ttl() <= 0) {
                fail("etcd does not keep the lease alive");
            }
            never.wait_for(lock, stopped, std::chrono::seconds(ttl_seconds) / 3,
                           [] { return false; });
        }
        stream->WritesDone();
        while (stream->Read(&response)) continue;
        expect(stream->Finish());
    }

  private:
    std::unique_ptr<etcdserverpb::Lease::Stub> stub_;
};

class Keys {
  public:
    Keys(const std::shared_ptr<grpc::Channel>& channel, std::string key)
        : stub_(etcdserverpb::KV::NewStub(channel)), key_(std::move(key)) {}

    void create(std::int64_t lease) {
        etcdserverpb::TxnRequest request;
        etcdserverpb::Compare& absent = *request.add_compare();
        absent.set_target(etcdserverpb::Compare::CREATE);
        absent.set_key(key_);
        absent.set_create_revision(0);
        etcdserverpb::PutRequest& put = *request.add_success()->mutable_request_put();
        put.set_key(key_);
        put.set_lease(lease);
        grpc::ClientContext context;
        etcdserverpb::TxnResponse response;
        expect(stub_->Txn(&context, request, &response));
        if (!response.succeeded()) fail("etcd does not give the lock");
    }
    void remove() {
        etcdserverpb::DeleteRangeRequest request;
        request.set_key(key_);
        grpc::ClientContext context;
        etcdserverpb::DeleteRangeResponse response;
        expect(stub_->DeleteRange(&context, request, &response));
        if (response.deleted() != 1) fail("the lock was not there any more");
    }

  private:
    std::unique_ptr<etcdserverpb::KV::Stub> stub_;
    std::string key_;
};

class Etcd final : public Client {
  public:
    Etcd(const std::string& mode, const std::string& address, unsigned number)
        : Etcd(mode, connect(address), number) {}
    ~Etcd() override {
        if (!keeper_.joinable()) return;
        keeper_.request_stop();
        keeper_.join();
        leases_.revoke(lease_);
    }

    void acquire() override {
        if (lease_each_) lease_ = leases_.grant();
        keys_.create(lease_);
    }
    void release() override {
        keys_.remove();
        if (lease_each_) leases_.revoke(lease_);
    }

  private:
    Etcd(const std::string& mode, const std::shared_ptr<grpc::Channel>& channel, unsigned number)
        : leases_(channel),
          keys_(channel, fmt::format("lock-{}-{}", mode, number)),
          lease_each_(mode == "lease-each") {
        if (mode != "lease") return;
        lease_ = leases_.grant();
        keeper_ = std::jthread(
            [this](const std::stop_token& stopped) { leases_.keep_alive(lease_, stopped); });
    }

    Leases leases_;
    Keys keys_;
    const bool lease_each_;
    std::int64_t lease_ = 0;  // none
    std::jthread keeper_;
};

}  // namespace
}  // namespace diskpaxos::bench

int main(int count, char** words) {
    using namespace diskpaxos::bench;
    const std::string usage =
        "diskpaxos-peer-etcd [--clients N] [--seconds S] [--server PID] txn|lease|lease-each "
        "ADDRESS";
    const Wish wish = wish_of(count, words, 2, usage);
    return measure_pairs(wish, [](const Wish& all, unsigned number) {
        return std::make_unique<Etcd>(all.words[0], all.words[1], number);
    });
}
