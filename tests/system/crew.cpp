#include "crew.hpp"

#include <chrono>
#include <csignal>
#include <map>

namespace diskpaxos {

using namespace std::chrono_literals;

Crew::Crew(const std::vector<std::string>& disks, unsigned size, Words environment)
    : words_(on(disks, {"cell", "incr", "counter"})), environment_(std::move(environment)) {
    environment_.push_back(without_leak_search());
    for (unsigned member = 0; member < size; ++member)
        members_.push_back(std::make_unique<Member>());
    for (unsigned member = 0; member < size; ++member) {
        threads_.emplace_back([this, member] { work(member); });
    }
}

void Crew::work(unsigned number) {
    Member& member = *members_[number];
    while (!stopping_) {
        auto command = std::make_unique<Command>(words_, environment_);
        Command& running = *command;
        {
            const std::lock_guard lock(member.mutex);
            member.now = std::move(command);
        }
        const Answer answer = running.wait();
        const std::lock_guard lock(member.mutex);
        member.now.reset();
        ++(answer.code == 0 ? acknowledged_ : unanswered_);
        if (answer.code == 0) member.results.push_back(answer.out);
        if (!answer.err.empty()) member.complaint = answer.err;
    }
}

void Crew::kill_one(unsigned member) {
    const std::lock_guard lock(members_[member]->mutex);
    if (members_[member]->now) members_[member]->now->signal(SIGKILL);
}

bool Crew::more_acknowledged(unsigned count) {
    const std::uint64_t goal = acknowledged_ + count;
    const auto patience = std::chrono::steady_clock::now() + 60s;
    while (acknowledged_ < goal) {
        if (std::chrono::steady_clock::now() > patience) return false;
        std::this_thread::sleep_for(5ms);
    }
    return true;
}

void Crew::stop() {
    stopping_ = true;
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
}

std::string Crew::complaints() const {
    std::string all;
    for (const auto& member : members_) all += member->complaint;
    return all;
}

std::string Crew::doubles() const {
    std::map<std::string, unsigned> times;
    for (const auto& member : members_) {
        for (const std::string& result : member->results) ++times[result];
    }
    std::string all;
    for (const auto& [result, seen] : times) {
        if (seen > 1) all += result;
    }
    return all;
}

}  // namespace diskpaxos
