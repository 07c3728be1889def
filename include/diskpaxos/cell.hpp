// Cell: a small value under a name, the same for every process of every host, linearizable.
//
// Every call has two forms. The plain one blocks until the answer is there, and may be used from
// any number of threads at once. The one that ends in _async returns at once and calls `then` when
// the answer is there (Group::dispatch() says where); if it returns an error, `then` is never
// called.
//
// Errors that any call may end with: no_quorum (too few disks answer; nothing was changed),
// unknown_outcome (a change that may be applied, now, later or never; a get() settles it. As long as
// it is in doubt the disks are asked again, until the time-out), lost (the group is closed), usage (what was asked for is impossible; also: the group was opened before
// a fork(), or a blocking call was made from a callback on the library's own thread).
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "diskpaxos/error.hpp"

namespace diskpaxos::library {
class Strand;
}

namespace diskpaxos::api {

template <class T>
using Then = std::function<void(Result<T>)>;

// How long one call may take, at most a day. Zero: as Options::timeout says. Shortly after that it
// ends with no_quorum or unknown_outcome, whatever the disks do.
using Timeout = std::chrono::milliseconds;

struct Value {
    std::string bytes;          // any bytes; empty when there is none
    std::uint64_t version = 0;  // 0: never written; rises with every change, for ever
    bool is_set = false;        // false: never set, or removed
    bool decided = false;       // by propose(): it never changes again
    bool applied = false;       // this call has changed it
    // bytes and version are what this very call made, whatever others have made of it since. False:
    // that cannot be known, and they are of a later change.
    bool exact = true;
};

class Cell {
  public:
    const std::string& name() const { return name_; }

    Result<Value> get(Timeout timeout = {}) const;
    Result<Value> set(std::string value, Timeout timeout = {}) const;
    // Only if the version is this one; otherwise Value::applied is false, and the rest is what is
    // there. Version 0: only if it was never written.
    Result<Value> compare_and_swap(std::uint64_t version, std::string value,
                                   Timeout timeout = {}) const;
    // Adds to the decimal number in the cell; unset counts as 0. Error `no` if it holds something
    // else, or if the sum has more than 64 bits. Value::bytes is the sum, as text; if it is `exact`,
    // no other call is given the same one.
    Result<Value> increment(std::int64_t by = 1, Timeout timeout = {}) const;
    Result<Value> remove(Timeout timeout = {}) const;
    // One-shot consensus: the first value proposed under this name is the decision, the same for
    // everybody for ever, and this is it.
    Result<Value> propose(std::string value, Timeout timeout = {}) const;

    Result<void> get_async(Then<Value> then, Timeout timeout = {}) const;
    Result<void> set_async(std::string value, Then<Value> then, Timeout timeout = {}) const;
    Result<void> compare_and_swap_async(std::uint64_t version, std::string value, Then<Value> then,
                                        Timeout timeout = {}) const;
    Result<void> increment_async(std::int64_t by, Then<Value> then, Timeout timeout = {}) const;
    Result<void> remove_async(Then<Value> then, Timeout timeout = {}) const;
    Result<void> propose_async(std::string value, Then<Value> then, Timeout timeout = {}) const;

  private:
    friend class Group;
    Cell(std::shared_ptr<library::Strand> strand, std::string name)
        : strand_(std::move(strand)), name_(std::move(name)) {}

    std::shared_ptr<library::Strand> strand_;
    std::string name_;
};

}  // namespace diskpaxos::api
