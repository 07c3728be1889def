#include "register_client.hpp"

#include <algorithm>
#include <utility>

namespace diskpaxos::scsi {

BlockAddress RegisterClient::address_of(std::uint64_t block) {
    BlockAddress address;
    address.group.fill(std::byte{0x47});
    address.disk = 0xd15c;
    address.cell = static_cast<std::uint32_t>(block);
    return address;
}

Bytes RegisterClient::initial(std::uint64_t block, std::uint32_t block_size) {
    Bytes image(block_size);
    encode_initial(image, address_of(block));
    return image;
}

Task<RegisterClient::Answer> RegisterClient::read(Rank rank) {
    last_.resize(disk_.block_size());
    last_rank_ = rank;
    encode_block(last_, address_of(block_), {me_, ++seq_, rank, Rank(), Rank(), {}});
    return again();
}

Task<RegisterClient::Answer> RegisterClient::write(Rank rank, std::string value) {
    last_.resize(disk_.block_size());
    last_rank_ = rank;
    encode_block(last_, address_of(block_), {me_, ++seq_, rank, rank, Rank(), as_bytes(value)});
    return again();
}

Task<RegisterClient::Answer> RegisterClient::again() {
    IoPtr io = disk_.prepare(Io::Kind::step, {block_, 1}, {block_, 1});
    io->rank = last_rank_;
    std::ranges::copy(last_, io->out.bytes().begin());
    return carry(std::move(io));
}

Task<RegisterClient::Answer> RegisterClient::look(Io::Kind kind, Rank beyond) {
    IoPtr io = disk_.prepare(kind, {}, {block_, 1});
    io->rank = beyond;
    io->verdict = StepVerdict::done;
    return carry(std::move(io));
}

Task<RegisterClient::Answer> RegisterClient::carry(IoPtr io) {
    io = co_await Transfer(disk_, std::move(io));
    Answer answer;
    answer.error = io->error;
    answer.verdict = io->verdict;
    const Decoded found = decode_block(io->in.bytes(), address_of(block_));
    if (answer.error == 0 && found.state != BlockState::unknown) {
        answer.promised = found.block.promised;
        answer.accepted = found.block.accepted;
        answer.value = as_text(found.block.value);
    }
    note(answer);
    co_return answer;
}

void RegisterClient::note(const Answer& answer) {
    failed_ = answer.error != 0;
    round_ = std::max({round_, last_rank_.round, answer.promised.round});
}

Task<bool> RegisterClient::increment() {
    const Rank mine = rank(round_ + 1);
    const Answer found = co_await read(mine);
    if (!found.done()) co_return false;
    const std::uint64_t number = found.value.empty() ? 0 : std::stoull(found.value);
    const Answer counted = co_await write(mine, std::to_string(number + 1));
    if (counted.done()) co_return true;
    // Refused may mean: after an earlier try of the same command was executed.
    ++doubts;
    co_return false;
}

}  // namespace diskpaxos::scsi
