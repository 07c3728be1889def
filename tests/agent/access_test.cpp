#include "disk-agent/access.hpp"

#include <gtest/gtest.h>

#include "agent/registers.hpp"
#include "consensus/record.hpp"
#include "disk/step.hpp"

namespace diskpaxos::agent {
namespace {

const Rank rank{5, Proposer(7)};

Bytes register_of(std::string_view name) {
    return named_register(0, name, {3, Proposer(7)});
}
Bytes write_of(std::string_view name) {
    return named_register(0, name, rank);
}

Bytes unsound() {
    Bytes block = register_of("team/x");
    block[130] ^= std::byte{1};
    return block;
}

Bytes unnamed_record() {
    return register_of("");
}

// The record of a register that nobody has named yet, written again (consensus/record.hpp).
Bytes nothing_carried_on(bool roomy = false) {
    Bytes record;
    RecordFormat(Geometry{.roomy = roomy}, DiskKinds::active).carry(record, {}, 0, rank.round);
    Bytes out(512);
    encode_block(out, {.kind = BlockKind::cell},
                 {.incarnation = rank.proposer, .seq = 1, .promised = rank, .accepted = rank,
                  .committed = {}, .value = record});
    return out;
}

// Rights of a client of one team, and of others.
const Rights nobody{};
const Rights reader{.read = {"team/"}, .write = {}, .create = {}, .stores = {}};
const Rights writer{.read = {"team/"}, .write = {"team/"}, .create = {}, .stores = {}};
const Rights member{.read = {"team/"}, .write = {"team/"}, .create = {"team/"}, .stores = {}};
const Rights creator{.read = {}, .write = {}, .create = {"team/"}, .stores = {}};
const Rights blind{.read = {}, .write = {"team/"}, .create = {}, .stores = {}};
const Rights looker{.read = {""}, .write = {}, .create = {}, .stores = {}};
const Rights maker{.read = {}, .write = {}, .create = {}, .format = true, .stores = {}};

struct Who {
    const char* name;
    const Rights& rights;
};
const std::vector<Who> all = {{"nobody", nobody}, {"reader", reader},   {"writer", writer},
                              {"member", member}, {"creator", creator}, {"blind", blind},
                              {"looker", looker}, {"maker", maker}};

// Who may, in one string per case, in the order of `all`: n r w m c b l f.
std::string who(const std::function<bool(const Rights&)>& may) {
    constexpr std::string_view letters = "nrwmcblf";
    std::string result;
    for (std::size_t i = 0; i < all.size(); ++i) {
        if (may(all[i].rights)) result += letters[i];
    }
    return result;
}

TEST(Access, Reading) {
    const auto readers = [](const Bytes& block) {
        return who([&](const Rights& rights) { return may_read(rights, block); });
    };
    EXPECT_EQ(readers(register_of("team/x")), "rwml");
    EXPECT_EQ(readers(register_of("teams")), "l");
    EXPECT_EQ(readers(register_of("team")), "l");
    EXPECT_EQ(readers(empty_register(0)), "rwmcblf");
    EXPECT_EQ(readers(unnamed_record()), "rwmcblf");
    EXPECT_EQ(readers(promise(0, rank)), "rwmcblf");
    EXPECT_EQ(readers(Bytes(512)), "rwmcblf");
    EXPECT_EQ(readers(unsound()), "l");  // it may be anybody's
    EXPECT_EQ(readers(of_kind(BlockKind::superblock)), "rwmcblf");
    EXPECT_EQ(readers(of_kind(BlockKind::claim)), "rwmcblf");
}

TEST(Access, Stepping) {
    const auto steppers = [](const Bytes& present, const Bytes& request) {
        return who([&](const Rights& rights) { return may_step(rights, present, request, rank); });
    };
    // Promises.
    EXPECT_EQ(steppers(register_of("team/x"), promise(0, rank)), "wm");
    EXPECT_EQ(steppers(register_of("other"), promise(0, rank)), "");  // it could bar its writers
    EXPECT_EQ(steppers(empty_register(0), promise(0, rank)), "mc");
    EXPECT_EQ(steppers(unnamed_record(), promise(0, rank)), "mc");
    EXPECT_EQ(steppers(unsound(), promise(0, rank)), "l");
    // A promise that carries what was accepted before is still a promise.
    const Bytes carried = named_register(0, "team/x", {4, Proposer(7)});
    EXPECT_EQ(steppers(register_of("team/x"), carried), "wm");
    // Writes.
    EXPECT_EQ(steppers(register_of("team/x"), write_of("team/x")), "wm");
    EXPECT_EQ(steppers(register_of("other"), write_of("team/x")), "");
    EXPECT_EQ(steppers(register_of("team/x"), write_of("other")), "");
    EXPECT_EQ(steppers(register_of("team/x"), write_of("")), "");  // would take its name away
    EXPECT_EQ(steppers(empty_register(0), write_of("team/x")), "mc");
    EXPECT_EQ(steppers(empty_register(0), write_of("other")), "");
    EXPECT_EQ(steppers(empty_register(0), write_of("")), "");  // in the way of every name
    EXPECT_EQ(steppers(empty_register(0), nothing_carried_on()), "mc");
    EXPECT_EQ(steppers(empty_register(0), nothing_carried_on(true)), "mc");
    EXPECT_EQ(steppers(register_of("team/x"), nothing_carried_on()), "");
    // Restoring, whatever lies there.
    for (const Bytes& present : {unsound(), Bytes(512), of_kind(BlockKind::superblock),
                                 empty_register(0), register_of("team/x")}) {
        EXPECT_EQ(who([&](const Rights& rights) {
                      return may_step(rights, present, write_of("team/x"), restoring(present));
                  }),
                  "f");
    }
    EXPECT_TRUE(may_step(every_right(), register_of("a"), write_of("b"), rank));
    EXPECT_TRUE(may_step(every_right(), register_of("a"), write_of(""), rank));
}

TEST(Access, RawWriting) {
    const auto writers = [](const Bytes& present, const Bytes& next) {
        return who([&](const Rights& rights) { return may_write(rights, present, next); });
    };
    const Bytes claim = of_kind(BlockKind::claim);
    const Bytes owner = of_kind(BlockKind::owner);
    EXPECT_EQ(writers(claim, claim), "wmbf");
    EXPECT_EQ(writers(owner, owner), "wmbf");
    Bytes elsewhere(512);
    seal(elsewhere, {.kind = BlockKind::claim, .slot = 1}, 0, 100);
    EXPECT_EQ(writers(claim, elsewhere), "f");  // the claim of another slot
    EXPECT_EQ(writers(Bytes(512), claim), "f");
    EXPECT_EQ(writers(claim, Bytes(512)), "f");
    EXPECT_EQ(writers(register_of("team/x"), register_of("team/x")), "f");
    EXPECT_EQ(writers(claim, of_kind(BlockKind::superblock)), "f");
    EXPECT_EQ(writers(of_kind(BlockKind::superblock), claim), "f");
}

TEST(Access, NamesThatCannotBeAreNobodysButWhoReadsAll) {
    Bytes block = register_of("team/x");
    block[header_size + 11] = std::byte{200};  // a name longer than the record
    seal(block, address_of(block), 0, 22);
    EXPECT_EQ(subject_of(block).kind, Subject::Kind::unsound);
    Bytes brief = register_of("");
    seal(brief, address_of(brief), 0, 5);
    EXPECT_EQ(subject_of(brief).kind, Subject::Kind::unsound);
    EXPECT_FALSE(may_read(member, block));
    EXPECT_TRUE(may_read(looker, block));
    Bytes odd = of_kind(static_cast<BlockKind>(9));
    EXPECT_EQ(subject_of(odd).kind, Subject::Kind::unsound);
    EXPECT_FALSE(may_step(member, empty_register(0), block, {3, Proposer(7)}));
}

TEST(AccessFile, SaysWhoMayDoWhat) {
    const auto rules = AccessRules::parse(
        "# who may do what\n"
        "[client web]\n"
        "read = \n"
        "write= team/\n"
        " create =team/\n"
        "store = a\n"
        "store = b\n"
        "\n"
        "; healing\n"
        "[client uid:0]\r\n"
        "read = *\r\n"
        "format = yes\r\n"
        "[client idle]",
        "f");
    ASSERT_TRUE(rules) << rules.error().sentence;
    const Rights* web = rules->of("web");
    ASSERT_NE(web, nullptr);
    EXPECT_EQ(*web, (Rights{.read = {""},
                            .write = {"team/"},
                            .create = {"team/"},
                            .format = false,
                            .stores = {"a", "b"}}));
    EXPECT_TRUE(web->may_use("b"));
    EXPECT_FALSE(web->may_use("c"));
    const Rights* root = rules->of("uid:0");
    ASSERT_NE(root, nullptr);
    EXPECT_TRUE(root->format);
    EXPECT_TRUE(root->may_use("c"));
    ASSERT_NE(rules->of("idle"), nullptr);
    EXPECT_FALSE(rules->of("idle")->may_use("a"));
    EXPECT_EQ(rules->of("stranger"), nullptr);
}

TEST(AccessFile, WhatItDoesNotKnowIsRefusedWithItsLine) {
    const std::vector<std::pair<std::string, std::string>> cases = {
        {"read = x\n", "line 1"},
        {"[client a]\nrule = x\n", "line 2"},
        {"[client a]\nread\n", "line 2"},
        {"[client a]\nformat = maybe\n", "line 2"},
        {"[client a]\nstore =\n", "line 2"},
        {"[client]\n", "line 1"},
        {"[client ]\n", "line 1"},
        {"\n[group a]\n", "line 2"},
        {"[client a]\ncreate = web/*\n", "line 2"},
        {"[client a]\nread = *\nwrite = **\n", "line 3"},
        {"[client a]\n\n[client a]\n", "line 3"},
    };
    for (const auto& [text, line] : cases) {
        const auto rules = AccessRules::parse(text, "f");
        ASSERT_FALSE(rules) << text;
        EXPECT_NE(rules.error().sentence.find(line + " of the access file f"), std::string::npos)
            << rules.error().sentence;
    }
}

TEST(AccessFile, APatternIsNoPrefix) {
    const auto rules = AccessRules::parse("[client a]\ncreate = web/*\n", "f");
    ASSERT_FALSE(rules);
    EXPECT_NE(rules.error().sentence.find("write create = web/"), std::string::npos)
        << rules.error().sentence;
    EXPECT_TRUE(AccessRules::parse("[client a]\nread = *\nwrite = a*b\nstore = s*\n", "f"));
}

}  // namespace
}  // namespace diskpaxos::agent
