#include "io/line_writer.hpp"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <csignal>
#include <mutex>
#include <thread>
#include <utility>

namespace diskpaxos::io {

struct LineWriter::State {
    const int fd;
    const Apology apology;

    std::mutex mutex;
    std::condition_variable news;
    std::condition_variable done;
    std::string waiting;
    unsigned left_out = 0;
    bool busy = false;     // the thread writes
    bool closing = false;  // and ends when nothing is left
    bool alone = false;    // there is no thread: the system had none to give

    bool torn = false;  // the last line was written in part; the thread's

    State(int number, Apology words) : fd(number), apology(words) {}

    void run();
    void write_batch(const std::string& lines, unsigned missing);
    bool write_all(std::string_view text);
};

// The descriptor may be one that does not wait, by the wish of somebody who shares it.
bool LineWriter::State::write_all(std::string_view text) {
    while (!text.empty()) {
        const ssize_t count = ::write(fd, text.data(), text.size());
        if (count > 0) {
            torn = text[static_cast<std::size_t>(count) - 1] != '\n';
            text.remove_prefix(static_cast<std::size_t>(count));
            continue;
        }
        if (count < 0 && errno == EINTR) continue;
        if (count == 0 || errno != EAGAIN || alone) return false;
        pollfd ready{fd, POLLOUT, 0};
        poll(&ready, 1, -1);
    }
    return true;
}

void LineWriter::State::write_batch(const std::string& lines, unsigned missing) {
    std::string text = torn ? "\n" : "";
    if (missing > 0 && apology != nullptr) text += apology(missing);
    text += lines;
    if (write_all(text)) return;
    const auto more = static_cast<unsigned>(std::ranges::count(lines, '\n'));
    const std::lock_guard lock(mutex);
    left_out += missing + more;
}

void LineWriter::State::run() {
    std::unique_lock lock(mutex);
    for (;;) {
        news.wait(lock, [this] { return !waiting.empty() || closing; });
        if (waiting.empty()) break;
        const std::string lines = std::exchange(waiting, {});
        const unsigned missing = std::exchange(left_out, 0);
        busy = true;
        lock.unlock();
        try {
            write_batch(lines, missing);
        } catch (...) {  // no memory: these lines are lost, but not the agent
        }
        lock.lock();
        busy = false;
        done.notify_all();
    }
}

LineWriter::LineWriter(int fd, Apology apology) : state_(std::make_shared<State>(fd, apology)) {
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);  // signals belong to the loop's thread
    try {
        std::thread([state = state_] { state->run(); }).detach();
    } catch (...) {
        state_->alone = true;
    }
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

LineWriter::~LineWriter() {
    finish(std::chrono::milliseconds(500));
    const std::lock_guard lock(state_->mutex);
    state_->closing = true;
    state_->news.notify_one();
}

void LineWriter::write(std::string_view line) noexcept {
    try {
        if (state_->alone) {
            pollfd ready{state_->fd, POLLOUT, 0};
            const bool writable = poll(&ready, 1, 0) > 0;
            if (writable)
                state_->write_batch(std::string(line), std::exchange(state_->left_out, 0));
            else
                ++state_->left_out;
            return;
        }
        const std::lock_guard lock(state_->mutex);
        if (state_->waiting.size() + line.size() > most_waiting) {
            ++state_->left_out;
            return;
        }
        state_->waiting += line;
        state_->news.notify_one();
    } catch (...) {  // no memory: a line less
    }
}

bool LineWriter::finish(Duration patience) noexcept {
    if (state_->alone) return true;
    std::unique_lock lock(state_->mutex);
    return state_->done.wait_for(lock, patience,
                                 [this] { return state_->waiting.empty() && !state_->busy; });
}

}  // namespace diskpaxos::io
