#include "wire/sample.hpp"

#include "disk/block.hpp"
#include "wire/message.hpp"

namespace diskpaxos::wire {

namespace {

Uuid uuid(std::uint8_t first) {
    Uuid result;
    for (std::size_t i = 0; i < result.size(); ++i) result[i] = static_cast<std::byte>(first + i);
    return result;
}

const Proposer me = Proposer::of(2, 0xabcdef);

}  // namespace

Bytes sample_block() {
    Bytes out(512);
    const Uuid group = uuid(0x10);
    const BlockAddress address{.group = group,
                               .disk = load<std::uint64_t>(uuid(0x20), 0),
                               .kind = BlockKind::cell,
                               .cell = 3};
    encode_block(out, address,
                 {.incarnation = me,
                  .seq = 9,
                  .promised = {42, me},
                  .accepted = {41, me},
                  .committed = {40, me},
                  .value = as_bytes("alpha")});
    return out;
}

std::vector<std::string> sample_names() {
    return {"hello",   "welcome", "version", "read",    "blocks", "write",  "step",
            "stepped", "refused", "watch",   "changed", "list",   "listed", "ping",
            "rights",  "allowed", "greeting", "greeted", "above"};
}

Bytes sample(std::string_view name) {
    Bytes out;
    const Bytes block = sample_block();
    if (name == "hello") put_hello(out, 1, {.features = 0, .store = "alpha"});
    if (name == "greeting") put_hello(out, 1, {.store = "alpha"});
    if (name == "greeted") {
        put_welcome(out, 1,
                    {.block_size = 512,
                     .blocks = 32768,
                     .features = feature_ceiling,
                     .largest_body = 65544,
                     .requests = 256,
                     .watches = 1024,
                     .idle_ms = 60'000,
                     .store = uuid(0x40),
                     .instance = 0x1122334455667788,
                     .time_ms = 1'795'651'200'000});
    }
    if (name == "above") put_above(out, 4, 105, block);
    if (name == "welcome") {
        put_welcome(out, 1,
                    {.block_size = 512,
                     .blocks = 32768,
                     .largest_body = 65544,
                     .requests = 256,
                     .watches = 1024,
                     .idle_ms = 60'000,
                     .store = uuid(0x40),
                     .instance = 0x1122334455667788});
    }
    if (name == "version") put_status(out, Type::hello, Status::version, 1);
    if (name == "read") put_read(out, 2, {80, 1});
    if (name == "blocks") put_blocks(out, 2, block);
    if (name == "write") put_write(out, 3, 80, block);
    if (name == "step") put_step(out, 4, 80, {41, me}, block);
    if (name == "stepped") put_block(out, Type::step, Status::ok, 4, Bytes(512));
    if (name == "refused") put_block(out, Type::step, Status::refused, 4, block);
    if (name == "watch") put_watch(out, 5, 80, {40, me});
    if (name == "changed") put_block(out, Type::watch, Status::ok, 5, block);
    if (name == "list") put_list(out, 6, {72, 256});
    if (name == "listed") {
        ListWriter list(out, 6);
        list.add(80, "nightly");
        list.add(81, "leader");
        list.end(0);
    }
    if (name == "ping") put_ping(out, 7);
    if (name == "rights") put_rights(out, 8);
    if (name == "allowed") {
        ListWriter list(out, 8, Type::rights);
        list.add(may_read, "");
        list.add(may_write, "alpha/");
        list.end(0);
    }
    return out;
}

}  // namespace diskpaxos::wire
