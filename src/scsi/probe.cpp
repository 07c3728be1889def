#include "scsi/probe.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "scsi/command.hpp"

namespace diskpaxos::scsi {

namespace {

using namespace std::chrono_literals;

constexpr std::string_view mark = "diskpaxos probe\n";
constexpr unsigned most_tries = 24;
constexpr std::uint64_t most_pause = 4'000'000;  // ns

bool blank(ByteView image) {
    return std::ranges::all_of(image, [](std::byte byte) { return byte == std::byte{0}; });
}

bool a_probe(ByteView image) {
    return as_text(image.first(mark.size())) == mark;
}

// An image that nobody else makes.
void draw(World& world, ByteSpan image) {
    std::ranges::fill(image, std::byte{0});
    std::ranges::copy(as_bytes(mark), image.begin());
    store<std::uint64_t>(image, mark.size(), world.random.bits(64));
    store<std::uint64_t>(image, mark.size() + 8, world.random.bits(64));
}

// The questions, and what is found wrong with the answers: empty, if nothing is.
class Examination {
  public:
    Examination(World& world, Lun& lun)
        : world_(world),
          lun_(lun),
          block_(lun.facts().block_size == 512 ? 1 : 0),
          found_(lun.facts().block_size),
          other_(lun.facts().block_size) {}

    Task<std::string> run() {
        std::string fault = co_await matches();
        if (fault.empty()) fault = co_await compares();
        if (fault.empty()) co_await clean();
        co_return fault;
    }

  private:
    // After a miss or a busy answer: others are at it, too.
    Task<bool> once_more(Outcome outcome) {
        const bool passes =
            outcome.kind == Outcome::Kind::miscompare || outcome.kind == Outcome::Kind::again;
        if (!passes || ++tries_ > most_tries) co_return false;
        co_await world_.clock.sleep(Duration(world_.random.below(most_pause)));
        co_return true;
    }

    static std::string said(const char* of, Outcome outcome) {
        return fmt::format("{}: {}", of, describe(outcome));
    }

    Task<std::string> look() {
        for (;;) {
            const Outcome outcome = co_await lun_.read(block_, found_);
            if (outcome.good()) co_return std::string();
            const bool more = co_await once_more(outcome);
            if (!more) co_return said("READ(16) fails", outcome);
        }
    }

    bool spare() const { return blank(found_) || a_probe(found_); }

    Task<std::string> matches() {
        for (;;) {
            std::string fault = co_await look();
            if (!fault.empty()) co_return fault;
            spare() ? draw(world_, other_) : other_.assign(found_.begin(), found_.end());
            Outcome outcome = co_await lun_.compare_and_write(block_, found_, other_);
            const bool good = outcome.good();
            if (good) {
                fault = co_await look();
                if (!fault.empty() || found_ == other_) co_return fault;
                outcome.kind =
                    Outcome::Kind::miscompare;  // another one's probe has come after ours
            }
            const bool more = co_await once_more(outcome);
            if (!more && good) co_return "COMPARE AND WRITE claims success and writes nothing";
            if (!more) co_return said("COMPARE AND WRITE does not work", outcome);
        }
    }

    // Expects a block that never was, so only one answer is right.
    Task<std::string> compares() {
        Bytes never(found_.size());
        for (;;) {
            draw(world_, never);
            std::string fault = co_await look();
            if (!fault.empty()) co_return fault;
            spare() ? draw(world_, other_) : other_.assign(found_.begin(), found_.end());
            const Outcome outcome = co_await lun_.compare_and_write(block_, never, other_);
            if (outcome.good()) co_return "COMPARE AND WRITE does not compare";
            if (outcome.kind == Outcome::Kind::miscompare) break;
            const bool more = co_await once_more(outcome);
            if (!more) co_return said("COMPARE AND WRITE does not say that it compared", outcome);
        }
        const bool drawn = a_probe(other_);
        std::string fault = co_await look();
        if (fault.empty() && drawn && found_ == other_) {
            fault = "COMPARE AND WRITE writes though the comparison failed";
        }
        co_return fault;
    }

    // Whoever is last leaves the spare block blank; if this fails, somebody is behind us.
    Task<void> clean() {
        if (!spare() || blank(found_)) co_return;
        std::ranges::fill(other_, std::byte{0});
        co_await lun_.compare_and_write(block_, found_, other_);
    }

    World& world_;
    Lun& lun_;
    std::uint64_t block_;
    Bytes found_;
    Bytes other_;
    unsigned tries_ = 0;
};

}  // namespace

Task<Result<void>> probe(World& world, Lun& lun) {
    Examination examination(world, lun);
    const std::string fault = co_await examination.run();
    if (fault.empty()) co_return Result<void>();
    co_return std::unexpected(
        Error{Code::bad_data,
              fmt::format(
                  "{}: {}; attach the LUN by the kernel's own initiator and name its block device, "
                  "and it serves as a passive disk",
                  lun.name(), fault)});
}

}  // namespace diskpaxos::scsi
