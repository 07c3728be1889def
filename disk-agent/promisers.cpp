#include "disk-agent/promisers.hpp"

#include "base/mutant.hpp"
#include "disk/block.hpp"

namespace diskpaxos::agent {

bool hold_back(Store& store, Promisers& promisers, std::uint64_t number, ByteView request, Rank rank,
               std::string_view client) {
    const BlockAddress address = address_of(request);
    const Block asked = decode_block(request, address).block;
    const Decoded present = decode_block(store.pending(number), address);
    const bool stands = present.state == BlockState::valid && present.block.promised == rank &&
                        present.block.accepted != rank;
    const bool takes = asked.accepted == rank && stands;
    if (!takes || promisers.is_of(number, client)) return true;
    if (mutated(Mutant::promise_of_another)) return true;
    const Rank above{rank.round + 1, Proposer()};
    Bytes raise(store.block_size());
    encode_block(raise, address,
                 {.incarnation = asked.incarnation, .seq = asked.seq, .promised = above,
                  .accepted = {}, .committed = {}, .value = {}});
    Bytes before(store.block_size());
    const Store::Outcome raised = store.step(number, raise, above, before);
    promisers.made(number, "");
    return raised.verdict == StepVerdict::done;
}

}  // namespace diskpaxos::agent
