#include "scale/talk.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <charconv>
#include <vector>

#include "bench/yardstick/outcome.hpp"
#include "disk/block.hpp"
#include "wire/message.hpp"
#include "wire/trim.hpp"

namespace diskpaxos::scale {

namespace {

using yardstick::fail;

constexpr std::size_t value_size = 100;

void append(Bytes& out, std::string_view text) {
    const ByteView bytes = as_bytes(text);
    out.insert(out.end(), bytes.begin(), bytes.end());
}

class Steps final : public Talk {
  public:
    explicit Steps(unsigned number) : number_(number) {
        value_[name_length_at] = std::byte{8};  // a name is all that an agent looks at
    }

    void ask(Bytes& out) override {
        const BlockAddress address{.kind = BlockKind::cell, .cell = number_};
        if (round_ == 0) {
            encode_initial(block_, address);
            wire::put_write(out, ++round_, number_, block_);
            return;
        }
        const Rank rank{++round_, Proposer(number_ + 1)};
        encode_block(block_, address,
                     {.incarnation = rank.proposer,
                      .seq = round_,
                      .promised = rank,
                      .accepted = rank,
                      .committed = Rank(),
                      .value = value_});
        wire::put_step(out, round_, number_, rank, wire::trimmed(block_));
    }
    std::optional<std::size_t> answered(ByteView bytes) override {
        const auto frame = wire::decode_frame(bytes, 1 << 20);
        if (!frame) fail(wire::describe(frame.error()));
        if (!*frame) return std::nullopt;
        if ((*frame)->status != wire::Status::ok) fail(wire::describe((*frame)->status));
        return (*frame)->size();
    }

  private:
    static constexpr std::size_t name_length_at = 11;  // consensus/record.hpp
    std::uint32_t number_;
    std::uint64_t round_ = 0;
    Bytes block_ = Bytes(512);
    Bytes value_ = Bytes(value_size, std::byte{'x'});
};

class Redis final : public Talk {
  public:
    explicit Redis(unsigned number) : key_(fmt::format("key-{}", number)) {}

    void ask(Bytes& out) override {
        switch (asked_++) {
            case 0:
                return put(out, {"SCRIPT", "LOAD",
                                 "if redis.call('GET', KEYS[1]) == ARGV[1] then "
                                 "redis.call('SET', KEYS[1], ARGV[2]) return 1 end return 0"});
            case 1:
                return put(out, {"SET", key_, value(1)});
            default:
                return put(out,
                           {"EVALSHA", script_, "1", key_, value(asked_ - 2), value(asked_ - 1)});
        }
    }
    std::optional<std::size_t> answered(ByteView bytes) override {
        const std::string_view text = as_text(bytes);
        const std::size_t line = text.find("\r\n");
        if (line == std::string_view::npos) return std::nullopt;
        if (text[0] == '$') {
            constexpr std::size_t length = 40;
            if (text.size() < line + 2 + length + 2) return std::nullopt;
            script_ = text.substr(line + 2, length);
            return line + 2 + length + 2;
        }
        const std::string_view answer = text.substr(0, line);
        if (answer != "+OK" && answer != ":1") fail(std::string(answer));
        return line + 2;
    }
    unsigned introductions() const override { return 2; }

  private:
    static std::string value(std::uint64_t number) {
        return fmt::format("{:0{}}", number, value_size);
    }
    static void put(Bytes& out, const std::vector<std::string>& words) {
        append(out, fmt::format("*{}\r\n", words.size()));
        for (const std::string& word : words) {
            append(out, fmt::format("${}\r\n{}\r\n", word.size(), word));
        }
    }

    std::string key_;
    std::string script_;
    std::uint64_t asked_ = 0;
};

class Etcd final : public Talk {
  public:
    // A new key in each run; it is base64 as it stands.
    explicit Etcd(unsigned number)
        : key_(fmt::format("{:08}", getpid() % 10'000 * 10'000 + static_cast<int>(number))) {}

    void ask(Bytes& out) override {
        std::string value;
        while (value.size() < value_size * 4 / 3) value += "eHh4";
        const std::string body =
            fmt::format(R"({{"compare":[{{"key":"{0}","target":"VERSION","version":"{1}"}}],)"
                        R"("success":[{{"requestPut":{{"key":"{0}","value":"{2}"}}}}]}})",
                        key_, version_++, value);
        append(out, fmt::format("POST /v3/kv/txn HTTP/1.1\r\nHost: localhost\r\n"
                                "Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{}",
                                body.size(), body));
    }
    std::optional<std::size_t> answered(ByteView bytes) override {
        const std::string_view text = as_text(bytes);
        const std::size_t head = text.find("\r\n\r\n");
        if (head == std::string_view::npos) return std::nullopt;
        constexpr std::string_view field = "Content-Length: ";
        const std::size_t at = text.find(field);
        if (at == std::string_view::npos || at > head) fail("an answer without a length");
        std::size_t length = 0;
        std::from_chars(text.data() + at + field.size(), text.data() + head, length);
        if (text.size() < head + 4 + length) return std::nullopt;
        const std::string_view body = text.substr(head + 4, length);
        if (!body.contains("\"succeeded\":true")) fail(std::string(body));
        return head + 4 + length;
    }

  private:
    std::string key_;
    std::uint64_t version_ = 0;
};

}  // namespace

std::unique_ptr<Talk> make_talk(const std::string& kind, unsigned number) {
    if (kind == "steps") return std::make_unique<Steps>(number);
    if (kind == "redis") return std::make_unique<Redis>(number);
    return std::make_unique<Etcd>(number);
}

}  // namespace diskpaxos::scale
