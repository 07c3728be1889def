// Outcome: what a measurement says, as one line of JSON; or the sentence why there is none.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "diskpaxos/error.hpp"
#include "io/loop.hpp"

namespace diskpaxos::yardstick {

using Moment = std::chrono::steady_clock::time_point;

inline Moment now() {
    return std::chrono::steady_clock::now();
}

double microseconds(Duration time);

// Of this process so far; what lies between two of them is what something has cost.
struct Costs {
    io::Counts io;
    std::uint64_t allocations = 0;
    double cpu_us = 0;

    static Costs so_far(const io::Counts& io);
    Costs& operator+=(const Costs& other);
    Costs& operator-=(const Costs& other);
};

// How long all processors together have been busy since the machine was started; what a hypervisor
// took away does not count.
double machine_cpu_us();

struct Series {
    std::string name;
    std::uint64_t operations = 0;
    std::vector<float> times;  // microseconds; of very many, every second or fourth and so on
};

struct Outcome {
    double seconds = 0;  // of what was timed
    std::uint64_t operations = 0;
    double per_second = 0;
    std::vector<Series> series;  // those without operations are left out
    std::optional<Costs> costs;
    std::optional<double> machine_cpu_us;  // per operation
    std::string more;                      // further members of the object, each after ", "

    void print();
};

// As a further member of an outcome.
std::string member(const std::string& name, double value);

// Ends the process with the exit code of the error. Of all processes that fail, one speaks.
[[noreturn]] void fail(const Error& error);
[[noreturn]] void fail(const std::string& sentence);

// From now on the processes that are forked off agree on who speaks.
void speak_for_all();

}  // namespace diskpaxos::yardstick
