#include "base/told_once.hpp"

#include <gtest/gtest.h>

namespace diskpaxos {
namespace {

using Sentences = std::vector<std::string>;

TEST(ToldOnceTest, EachReasonHasTheNamesOfAllThatItIsAbout) {
    EXPECT_EQ(told_once({}), Sentences());
    EXPECT_EQ(told_once({{"a", "gone"}}), Sentences({"a: gone"}));
    EXPECT_EQ(told_once({{"a", "gone"}, {"b", "blank"}, {"c", "gone"}}),
              Sentences({"a and c: gone", "b: blank"}));
    EXPECT_EQ(told_once({{"a", "x"}, {"b", "x"}, {"c", "x"}}), Sentences({"a, b and c: x"}));
}

TEST(ToldOnceTest, ASentenceOfItsOwnIsToldOnceAsWell) {
    EXPECT_EQ(told_once({{"", "a and b are one"}, {"", "a and b are one"}, {"a", "a and b are one"}}),
              Sentences({"a and b are one", "a: a and b are one"}));
}

TEST(ToldOnceTest, ANameIsTakenFromTheBeginningOnly) {
    EXPECT_EQ(trouble_of("/a", "/a: gone").name, "/a");
    EXPECT_EQ(trouble_of("/a", "/a: gone").why, "gone");
    EXPECT_EQ(trouble_of("/a", "/ab: gone").name, "");
    EXPECT_EQ(trouble_of("/a", "/a and /b are one").why, "/a and /b are one");
    EXPECT_EQ(trouble_of("", ": gone").why, ": gone");
}

TEST(ToldOnceTest, AListReadsLikeASentence) {
    EXPECT_EQ(list({}), "");
    EXPECT_EQ(list({"a"}), "a");
    EXPECT_EQ(list({"a", "b"}), "a and b");
    EXPECT_EQ(list({"a", "b", "c"}), "a, b and c");
}

}  // namespace
}  // namespace diskpaxos
