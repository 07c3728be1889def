#include "storm.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <vector>

#include "fake_target.hpp"
#include "register_client.hpp"
#include "scsi/caw_disk.hpp"
#include "unit/testbed/test_world.hpp"

namespace diskpaxos::scsi {

namespace {

using namespace std::chrono_literals;
using Answer = RegisterClient::Answer;

constexpr std::uint64_t here = 3;
constexpr unsigned clients = 3;
constexpr unsigned rounds = 25;

class Storm : TestWorld {
  public:
    explicit Storm(std::uint64_t seed) {
        random = SeededRandom(seed);
        target_.put(here, RegisterClient::initial(here, 512));
        target_.slow = true;
        target_.fate = [this] { return some_fate(); };
    }

    StormReport run() {
        Scope scope(queue);
        for (unsigned number = 0; number < clients; ++number) {
            auto lun = std::make_unique<FakeLun>(target_, "lun");
            disks_.push_back(std::make_unique<CawDisk>(world, std::move(lun), 30ms));
            scope.spawn(live(*disks_.back(), number + 1));
        }
        if (random.one_in(2)) scope.spawn(cut_power());
        for (queue.run_all(); !ended(); queue.run_all()) clock.advance_to_next();
        for (; !clock.idle(); queue.run_all()) clock.advance_to_next();  // what comes late
        judge_history();
        for (const auto& disk : disks_) {
            report_.misses += static_cast<unsigned>(disk->counts().misses);
        }
        return report_;
    }

  private:
    Fate some_fate() {
        switch (random.below(24)) {
            case 0:
                return Fate::busy;
            case 1:
                return Fate::lost;
            case 2:
                return Fate::lost_answer;
            case 3:
                return Fate::late;
            case 4:
                return Fate::twice;
            default:
                return Fate::prompt;
        }
    }

    bool ended() const { return ended_ == clients; }

    Task<void> live(CawDisk& disk, std::uint64_t who) {
        RegisterClient client(disk, here, who);
        std::uint64_t round = 0;
        for (unsigned i = 0; i < rounds; ++i) {
            const Rank rank = client.rank(round + 1 + random.below(2));
            round = rank.round;
            Answer found = co_await client.read(rank);
            if (found.error != 0 && random.one_in(2)) found = co_await client.again();
            note_read(rank, found);
            round = std::max(round, found.promised.round);
            if (!found.done()) continue;
            co_await clock.sleep(Duration(random.below(2'000'000)));
            const std::string value = fmt::format("{} of {}", rank.round, who);
            Answer written = co_await client.write(rank, value);
            if (written.error != 0 && random.one_in(2)) written = co_await client.again();
            note_write(rank, value, written);
            round = std::max(round, written.promised.round);
        }
        ++ended_;
    }

    Task<void> cut_power() {
        for (int i = 0; i < 4; ++i) {
            co_await clock.sleep(Duration(random.below(100'000'000)));
            target_.cut_power();
            ++report_.power_cuts;
            check_promises();
        }
    }

    void count(const Answer& answer) {
        if (answer.error != 0) ++report_.errors;
        if (answer.error == 0 && answer.verdict == StepVerdict::refused) ++report_.refused;
        if (answer.done()) ++report_.done;
        if (answer.error == 0 && answer.verdict == StepVerdict::damaged) fail("damaged");
        if (answer.error == 0 && answer.verdict == StepVerdict::conflict) fail("conflict");
    }

    void note_read(Rank rank, const Answer& answer) {
        count(answer);
        if (!answer.done()) return;
        reads_.push_back({rank, answer.accepted, answer.value});
        promised_ = std::max(promised_, rank);
        check_promises();
    }

    void note_write(Rank rank, const std::string& value, const Answer& answer) {
        count(answer);
        if (!answer.done()) return;
        writes_.push_back({rank, rank, value});
        promised_ = std::max(promised_, rank);
        accepted_ = std::max(accepted_, rank);
        check_promises();
    }

    // What was answered stays so, whatever comes late and whatever the power does.
    void check_promises() {
        const Decoded now = decode_block(target_.at(here), RegisterClient::address_of(here));
        if (now.state == BlockState::unknown) return fail("the register is damaged");
        if (now.block.promised < promised_) fail("a promise is broken");
        if (now.block.accepted < accepted_) fail("a write that was done is gone");
    }

    // Without power cuts ranks only rise; and no rank ever has two values.
    void judge_history() {
        check_promises();
        Rank promised;
        Rank accepted;
        std::map<Rank, std::string> values;
        for (const Bytes& image : target_.history(here)) {
            const Decoded found = decode_block(image, RegisterClient::address_of(here));
            if (found.state == BlockState::unknown) return fail("an image is damaged");
            const Block& block = found.block;
            const bool fell = block.promised < promised || block.accepted < accepted;
            if (fell && report_.power_cuts == 0) fail("a rank has fallen");
            promised = block.promised;
            accepted = block.accepted;
            const std::string value(as_text(block.value));
            if (values.try_emplace(accepted, value).first->second != value) fail("two values");
        }
        judge_answers(values);
    }

    // S of algorithms.md 3.1: a read sees every write of a lower rank that was done; and nothing
    // was answered that never was.
    void judge_answers(const std::map<Rank, std::string>& values) {
        for (const Done& write : writes_) {
            if (!values.contains(write.rank)) fail("a write that was done never was there");
        }
        for (const Done& read : reads_) {
            const auto seen = values.find(read.accepted);
            if (seen == values.end() || seen->second != read.value)
                fail("a read saw what never was");
            for (const Done& write : writes_) {
                if (write.rank < read.rank && read.accepted < write.rank) {
                    fail("a read did not see a lower write that was done");
                }
            }
        }
    }

    void fail(const char* what) {
        if (report_.fault.empty()) report_.fault = what;
    }

    struct Done {
        Rank rank;
        Rank accepted;
        std::string value;
    };

    FakeTarget target_{world, 512, 8};
    std::vector<std::unique_ptr<CawDisk>> disks_;
    std::vector<Done> reads_;
    std::vector<Done> writes_;
    Rank promised_;  // by answers
    Rank accepted_;
    unsigned ended_ = 0;
    StormReport report_;
};

}  // namespace

StormReport storm(std::uint64_t seed) {
    return Storm(seed).run();
}

}  // namespace diskpaxos::scsi
