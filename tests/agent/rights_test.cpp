// What clients may do, and what becomes of them when that changes.
#include <sys/stat.h>

#include <csignal>
#include <filesystem>
#include <functional>

#include "agent/agent_fixture.hpp"
#include "agent/registers.hpp"

namespace diskpaxos::agent {
namespace {

using wire::Status;
using RightsTest = AgentTest;

Rank rank(std::uint64_t round) {
    return {round, Proposer(7)};
}

TEST_F(RightsTest, RefusesWhoMayNot) {
    write_rules("[client " + me() +
                "]\nread = team/\nwrite = team/\ncreate = team/\nformat = yes\n");
    start({"--access", folder / "access"});
    {
        const auto maker = client();
        ASSERT_EQ(maker->write(8, empty_register(0)), Status::ok);
        ASSERT_EQ(maker->write(9, named_register(1, "other/x", rank(1))), Status::ok);
    }
    write_rules("[client " + me() + "]\nread = team/\nwrite = team/\ncreate = team/\nstore = a\n");
    agent->signal(SIGHUP);
    ASSERT_TRUE(agent->says("read again"));
    const auto one = client();
    EXPECT_EQ(one->write(8, empty_register(0)), Status::forbidden);
    EXPECT_EQ(one->step(8, rank(2), named_register(0, "mine", rank(2))), Status::forbidden);
    EXPECT_EQ(one->step(8, rank(2), named_register(0, "team/x", rank(2))), Status::ok);
    EXPECT_EQ(one->step(8, rank(3), promise(0, rank(3))), Status::ok);
    EXPECT_EQ(one->read(9), Status::forbidden);
    EXPECT_EQ(one->step(9, rank(3), promise(1, rank(3))), Status::forbidden);
    Bytes out;
    wire::put_watch(out, 5, 9, {});
    wire::put_read(out, 6, {8, 2});
    wire::put_list(out, 7, {0, 256});
    one->send(out);
    EXPECT_EQ(one->receive()->status, Status::forbidden);
    EXPECT_EQ(one->receive()->status, Status::forbidden);
    const auto frame = one->receive();
    ASSERT_TRUE(frame);
    EXPECT_EQ(wire::get_listed(frame->body)->registers.size(), 1U);
    EXPECT_TRUE(agent->says("permission: client " + me()));
    EXPECT_TRUE(agent->says("may not read block 9 (\"other/x\") of store a"));

    write_rules("[client nobody]\nread = *\n");
    agent->signal(SIGHUP);
    EXPECT_TRUE(one->ended());
    EXPECT_EQ(client()->greeting(), Status::forbidden);
    write_rules("nonsense\n");
    agent->signal(SIGHUP);
    EXPECT_TRUE(agent->says("what was there before is still used"));
    EXPECT_EQ(client()->greeting(), Status::forbidden);
}

// agent-A1. Once it has started anew the agent does not know whose promise stands there. A write at that
// very rank is refused by a higher promise, and whoever begins anew above it gets through.
TEST_F(RightsTest, APromiseThatNobodyKnowsIsNotWrittenAt) {
    write_rules("[client " + me() + "]\nread = team/\nwrite = team/\ncreate = team/\nformat = yes\n");
    start({"--access", folder / "access"});
    ASSERT_EQ(client()->write(8, empty_register(0)), Status::ok);
    EXPECT_EQ(client()->step(8, rank(5), promise(0, rank(5))), Status::ok);
    write_rules("[client " + me() + "]\nread = team/\nwrite = team/\ncreate = team/\n");
    agent->signal(SIGHUP);
    ASSERT_TRUE(agent->says("read again"));
    const auto one = client();
    const auto stands = [&] {
        return decode_block(one->block, {.kind = BlockKind::cell, .cell = 0}).block;
    };
    // The promise was made by one that may format: not by this client, as it is now. To repeat it
    // makes it nobody else's.
    EXPECT_EQ(one->step(8, rank(5), promise(0, rank(5))), Status::ok);
    EXPECT_EQ(one->step(8, rank(5), named_register(0, "team/x", rank(5))), Status::refused);
    EXPECT_EQ(stands().promised, (Rank{6, Proposer()}));
    EXPECT_TRUE(stands().accepted.none());
    EXPECT_EQ(one->step(8, rank(6), promise(0, rank(6))), Status::ok);
    EXPECT_EQ(one->step(8, rank(6), named_register(0, "team/x", rank(6))), Status::ok);
    EXPECT_EQ(one->read(8), Status::ok);
    EXPECT_EQ(stands().accepted, rank(6));
    // A write that comes again is done, whatever is promised.
    EXPECT_EQ(one->step(8, rank(6), named_register(0, "team/x", rank(6))), Status::ok);
}

// Whatever stands at the place of the access file: the old rules are used, and it says so.
TEST_F(RightsTest, RulesThatCannotBeReadChangeNothing) {
    const std::string rules = "[client " + me() + "]\nread = *\n";
    const std::string path = folder / "access";
    const std::vector<std::pair<std::string, std::function<void()>>> cases = {
        {"Is a directory", [&] { std::filesystem::create_directory(path); }},
        {"no ordinary file", [&] { ASSERT_EQ(mkfifo(path.c_str(), 0600), 0); }},
        {"File too large", [&] { std::ofstream(path) << std::string(2 << 20, '#'); }},
        {"No such file", [] {}},
        {geteuid() == 0 ? "Input/output error" : "Permission denied",
         [&] { std::filesystem::create_symlink("/proc/self/mem", path); }},
        {"has no \"[client NAME]\"", [&] { std::ofstream(path) << ""; }},
    };
    write_rules(rules);
    start({"--access", path});
    const auto one = client();
    for (const auto& [words, make] : cases) {
        std::filesystem::remove(path);
        make();
        agent->signal(SIGHUP);
        EXPECT_TRUE(agent->says(words)) << words << agent->log();
        EXPECT_EQ(client()->greeting(), Status::ok) << words;
        EXPECT_EQ(one->ping(), Status::ok) << words;
    }
    std::filesystem::remove(path);
    write_rules(rules + "write = x\n");
    agent->signal(SIGHUP);
    EXPECT_TRUE(agent->says("were read again"));
}

// Who knows the feature is told of its new rights, once; others are not disturbed.
TEST_F(RightsTest, TellsChangedRights) {
    write_rules("[client " + me() + "]\nread = a/\n");
    start({"--access", folder / "access"});
    TestClient knows(agent->place(), "a", true, wire::feature_rights | std::uint64_t{1} << 63);
    ASSERT_TRUE(knows.welcome());
    EXPECT_EQ(knows.welcome()->features, wire::feature_rights);
    const auto old = client();
    EXPECT_EQ(old->welcome()->features, 0U);
    write_rules("[client " + me() + "]\nread = a/\nwrite = b/\n");
    agent->signal(SIGHUP);
    const auto frame = knows.receive();
    ASSERT_TRUE(frame);
    EXPECT_EQ(frame->type, wire::Type::rights);
    EXPECT_EQ(frame->status, Status::ok);
    EXPECT_EQ(frame->id, wire::unasked);
    const auto told = wire::get_listed(frame->body);
    ASSERT_TRUE(told);
    ASSERT_EQ(told->registers.size(), 2U);
    EXPECT_EQ(told->registers[1], (wire::Named{wire::may_write, "b/"}));
    agent->signal(SIGHUP);  // nothing has changed
    EXPECT_FALSE(knows.receive(100));
    EXPECT_EQ(knows.ping(), Status::ok);
    EXPECT_FALSE(old->receive(50));
    EXPECT_EQ(old->ping(), Status::ok);
}

}  // namespace
}  // namespace diskpaxos::agent
