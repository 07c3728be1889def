// diskpaxos-peer-redis: locks as redis documents them. SET NX PX takes one with a token of the
// holder's; a script gives it back only if the token is still there.
//
//   diskpaxos-peer-redis [--clients N] [--seconds S] [--server PID] SOCKET
#include <fmt/format.h>
#include <hiredis/hiredis.h>

#include <array>
#include <string_view>

#include "bench/peers/pairs.hpp"

namespace diskpaxos::bench {
namespace {

constexpr std::string_view compare_and_delete =
    "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0";

class Redis final : public Client {
  public:
    Redis(const std::string& socket, unsigned number)
        : redis_(redisConnectUnix(socket.c_str())), key_(fmt::format("lock-{}", number)) {
        if (redis_ == nullptr || redis_->err != 0) fail("redis does not answer at " + socket);
        script_ = ask(std::array<std::string_view, 3>{"SCRIPT", "LOAD", compare_and_delete});
    }
    ~Redis() override { redisFree(redis_); }

    void acquire() override {
        token_ = fmt::format("{}:{}", key_, ++taken_);
        const std::array<std::string_view, 6> words{"SET", key_, token_, "NX", "PX", "10000"};
        if (ask(words) != "OK") fail("redis does not give the lock");
    }
    void release() override {
        const std::array<std::string_view, 5> words{"EVALSHA", script_, "1", key_, token_};
        if (ask(words) != "1") fail("the lock was not there any more");
    }

  private:
    template <std::size_t n>
    std::string ask(const std::array<std::string_view, n>& words) {
        std::array<const char*, n> starts;
        std::array<std::size_t, n> sizes;
        for (std::size_t i = 0; i < n; ++i) {
            starts[i] = words[i].data();
            sizes[i] = words[i].size();
        }
        void* const raw = redisCommandArgv(redis_, n, starts.data(), sizes.data());
        const std::unique_ptr<redisReply, void (*)(void*)> reply(static_cast<redisReply*>(raw),
                                                                 freeReplyObject);
        if (!reply) fail("redis has gone");
        if (reply->type == REDIS_REPLY_ERROR) fail(fmt::format("redis: {}", reply->str));
        if (reply->type == REDIS_REPLY_INTEGER) return std::to_string(reply->integer);
        return std::string(reply->str, reply->len);  // of nil: empty
    }

    redisContext* redis_;
    std::string key_;
    std::string script_;
    std::string token_;
    std::uint64_t taken_ = 0;
};

}  // namespace
}  // namespace diskpaxos::bench

int main(int count, char** words) {
    using namespace diskpaxos::bench;
    const Wish wish = wish_of(
        count, words, 1, "diskpaxos-peer-redis [--clients N] [--seconds S] [--server PID] SOCKET");
    return measure_pairs(wish, [](const Wish& all, unsigned number) {
        return std::make_unique<Redis>(all.words[0], number);
    });
}
