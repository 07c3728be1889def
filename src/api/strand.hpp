// Strand: one opened group on a thread of its own. That thread alone touches the group and what
// belongs to it; everybody else posts jobs, and waits for the answer or is told.
#pragma once

#include <atomic>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "api/delivery.hpp"
#include "api/engine.hpp"
#include "diskpaxos/group.hpp"

namespace diskpaxos::library {

using Job = std::function<void(Engine&)>;

template <class T>
using Call = std::function<Task<Result<T>>(Engine&)>;

class Strand : public std::enable_shared_from_this<Strand> {
  public:
    // Blocks until the group is open, or cannot be. `warnings`: for the caller to show.
    static Result<std::shared_ptr<Strand>> open(node::OpenOptions options, bool callbacks_at_once,
                                                std::vector<std::string>& warnings);
    ~Strand();

    void close();

    // An error: the job will never run.
    Result<void> post(Job job);

    template <class T>
    Result<T> ask(Call<T> call) {
        if (here()) return std::unexpected(would_wait_for_itself());
        const auto answer = std::make_shared<std::promise<Result<T>>>();
        std::future<Result<T>> future = answer->get_future();
        Then<T> then = [answer](Result<T> result) { answer->set_value(std::move(result)); };
        const Result<void> posted =
            post([call = std::move(call), then = std::move(then)](Engine& engine) {
                engine.start<T>(call(engine), then);
            });
        if (!posted) return std::unexpected(posted.error());
        return future.get();
    }

    // `then` is called by the delivery.
    template <class T>
    Result<void> tell(Call<T> call, Then<T> then) {
        return post([call = std::move(call), then = std::move(then)](Engine& engine) {
            Delivery& delivery = engine.delivery();
            engine.start<T>(call(engine), [&delivery, then](Result<T> result) {
                delivery.put(
                    [then, result = std::move(result)]() mutable { then(std::move(result)); });
            });
        });
    }

    const api::GroupFacts& facts() const { return facts_; }
    int fd() const { return desk_->delivery.fd(); }
    std::size_t dispatch();

  private:
    // What the thread and its customers share. The thread may outlive the strand, if the strand
    // ends in a callback on that very thread.
    struct Desk {
        explicit Desk(bool callbacks_at_once);
        bool hand_in(Job job);
        void close();
        std::vector<Job> take(bool& closed);

        Delivery delivery;
        const io::Descriptor fd;  // readable when there is something to take
        std::atomic<std::thread::id> thread{};

      private:
        std::mutex mutex_;
        std::vector<Job> jobs_;
        bool closed_ = false;
    };
    struct Opened {
        Result<api::GroupFacts> facts;
        std::vector<std::string> warnings;
    };

    Strand(std::shared_ptr<Desk> desk, std::thread thread);
    static void serve(std::shared_ptr<Desk> desk, node::OpenOptions options,
                      std::promise<Opened> opened);
    static void drive(Desk& desk, node::OpenGroup& group, node::ThisHost host);
    static Task<void> take_jobs(Desk& desk, Engine& engine, Event& readable, Event& over);

    static void dispatch_all(std::shared_ptr<Desk> desk);
    bool here() const { return desk_->thread == std::this_thread::get_id(); }
    bool forked() const;
    static Error would_wait_for_itself();

    const int pid_;
    std::shared_ptr<Desk> desk_;
    api::GroupFacts facts_;
    std::mutex closing_;
    std::thread thread_;
};

// What the handles of one session share: with the last of them the session is left.
class Life {
  public:
    Life(std::shared_ptr<Strand> strand, std::shared_ptr<Board> board)
        : strand_(std::move(strand)), board_(std::move(board)) {}
    Life(const Life&) = delete;
    Life& operator=(const Life&) = delete;
    ~Life();

    Strand& strand() const { return *strand_; }
    const std::shared_ptr<Board>& board() const { return board_; }

  private:
    std::shared_ptr<Strand> strand_;
    std::shared_ptr<Board> board_;
};

}  // namespace diskpaxos::library
