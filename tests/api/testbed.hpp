// What the tests of the library have in common: a group of three files, formatted by the command,
// and several opened groups in one program; to each other they are processes of one host.
#pragma once

#include <gtest/gtest.h>
#include <poll.h>
#include <stdlib.h>

#include <cstdlib>
#include <filesystem>

#include "diskpaxos/group.hpp"

namespace diskpaxos::api {

using namespace std::chrono_literals;

class Library : public ::testing::Test {
  protected:
    Library() {
        std::string pattern = std::filesystem::temp_directory_path() / "diskpaxos-api-XXXXXX";
        folder = mkdtemp(pattern.data());
        std::string command = DISKPAXOS_COMMAND " format --force --ttl 10s --cells 64";
        for (const char* name : {"a", "b", "c"}) {
            disks.push_back(folder / name);
            command += " " + disks.back();
        }
        command += " >/dev/null";
        EXPECT_EQ(std::system(command.c_str()), 0);
    }
    ~Library() override { std::filesystem::remove_all(folder); }

    Options options(Callbacks callbacks = Callbacks::dispatch) const {
        return {.disks = disks, .callbacks = callbacks};
    }
    // Opens it, or fails the test.
    Group open(Callbacks callbacks = Callbacks::dispatch) const {
        Result<Group> group = Group::open(options(callbacks));
        EXPECT_TRUE(group) << group.error().sentence;
        return std::move(*group);
    }
    static Session session(const Group& group, std::chrono::milliseconds ttl = 0ms) {
        Result<Session> opened = group.open_session({.ttl = ttl});
        EXPECT_TRUE(opened) << opened.error().sentence;
        return std::move(*opened);
    }

    std::filesystem::path folder;
    std::vector<std::string> disks;
};

inline bool readable(int fd, std::chrono::milliseconds wait) {
    pollfd poll_fd{fd, POLLIN, 0};
    return poll(&poll_fd, 1, static_cast<int>(wait.count())) == 1;
}

// What a small event loop does: polls and dispatches until `done` holds. False: it never did.
template <class Done>
bool dispatch_until(const Group& group, Done done) {
    for (int turns = 0; turns < 1000 && !done(); ++turns) {
        if (readable(group.fd(), 30ms)) group.dispatch();
    }
    return done();
}

template <class T>
Code code_of(const Result<T>& result) {
    EXPECT_FALSE(result);
    return result ? Code{} : result.error().code;
}

}  // namespace diskpaxos::api
