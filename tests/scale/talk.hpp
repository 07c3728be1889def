// Talk: what one client asks of a server, again and again. Whoever answers, a question is a change
// of a value of a hundred bytes that compares first, each client on a place of its own.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/bytes.hpp"

namespace diskpaxos::scale {

class Talk {
  public:
    virtual ~Talk() = default;
    virtual void ask(Bytes& out) = 0;
    // The length of the whole answer that `bytes` begin with, if it is there.
    virtual std::optional<std::size_t> answered(ByteView bytes) = 0;
    virtual unsigned introductions() const { return 1; }  // questions before the first that counts
};

// `kind`: steps (of an agent, after the hello), redis or etcd.
std::unique_ptr<Talk> make_talk(const std::string& kind, unsigned number);

}  // namespace diskpaxos::scale
