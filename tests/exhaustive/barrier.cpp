#include "barrier.hpp"

namespace diskpaxos::exhaustive {

void BarrierLine::begin(const Own& own) {
    if (own.seq == seq_) return;
    seq_ = own.seq;
    written_ = DiskSet();
    enough_ = own.accepted == own.promised ? barrier_.written_2 : barrier_.written_1;
    open_.reset();
}

void BarrierLine::written(std::uint64_t seq, std::size_t disk) {
    if (seq != seq_) return;
    written_.insert(disk);
    if (written_.size() >= enough_) open_.set();
}

class BarrierVisit final : public Visit {
  public:
    BarrierVisit(BarrierLine& line, Disk& disk, const RowAddress& address, Place own)
        : line_(line), disk_(disk), address_(address), own_(own) {}

    Task<Sight> visit(const Own& own) override {
        line_.begin(own);
        const std::uint64_t seq = own.seq;
        line_.frames_->spawn(write(own));
        if (line_.barrier_.held) co_await line_.open_.wait();
        if (seq != line_.seq_) co_return Sight({Failure::Kind::superseded, 0, Damage::none});
        auto looking = read(&own, own.me);
        Sight sight = co_await looking;
        if (seq == line_.seq_) co_await line_.open_.wait();
        co_return sight;
    }

    Task<Sight> look(Proposer aside) override { return read(nullptr, aside); }

    std::string_view name() const override { return disk_.name(); }
    Lane& lane() { return lane_; }

  private:
    // The disk need not hold our block: it counts as read with what we know it says.
    Task<Sight> read(const Own* own, Proposer aside) {
        IoPtr io = disk_.prepare(Io::Kind::read, Extent{}, address_.geometry->row(address_.cell));
        const std::uint64_t seq = own != nullptr ? own->seq : 0;
        io = co_await Transfer(disk_, std::move(io));
        if (own != nullptr && own->seq == seq) {
            const ByteSpan mine =
                io->in.bytes().subspan(own_ * disk_.block_size(), disk_.block_size());
            encode_block(mine, address_.block(own_), own->block());
        }
        Sight sight;
        sight.row = summarise(io->in.bytes(), address_, own_, aside);
        sight.keep = std::move(io);
        if (!sight.row.whole()) sight.failure = {Failure::Kind::damaged, 0, sight.row.damage};
        co_return sight;
    }

    Task<void> write(const Own& own) {
        const bool my_turn = co_await lane_.enter();
        if (!my_turn) co_return;
        const Extent to{address_.geometry->row(address_.cell).first + own_, 1};
        IoPtr io = disk_.prepare(Io::Kind::write, to, Extent{});
        encode_block(io->out.bytes(), address_.block(own_), own.block());
        const std::uint64_t seq = own.seq;
        io = co_await Transfer(disk_, std::move(io));
        lane_.leave();
        line_.written(seq, address_.disk - 1);
    }

    BarrierLine& line_;
    Disk& disk_;
    RowAddress address_;
    Place own_;
    Lane lane_;
};

std::unique_ptr<Visit> BarrierLine::make_visit(Disk& disk, const RowAddress& address, Place own,
                                               std::vector<Lane*>& lanes) {
    auto visit = std::make_unique<BarrierVisit>(*this, disk, address, own);
    lanes.push_back(&visit->lane());
    return visit;
}

}  // namespace diskpaxos::exhaustive
