// What stories are told in (stories.hpp): what becomes of requests, and what a disk shows.
#pragma once

#include "group/stage.hpp"

namespace diskpaxos::sim {

using std::chrono::milliseconds;
using std::chrono::seconds;

using Actor = Stage::Actor;

inline constexpr Duration ghost = seconds(30);                // T_ghost
inline constexpr Duration watch = ghost + milliseconds(400);  // and the life of an attempt (R3)

// Owner entries fare so; everything else is done.
inline auto owners(Fate fate) {
    return [fate](const Request& request) { return request.owner() ? fate : Fate::done; };
}

// Entries that free the slot.
inline auto frees(Fate fate) {
    return [fate](const Request& request) {
        return request.owner() && !request.entry.held() ? fate : Fate::done;
    };
}

inline auto stamps(Fate fate) {
    return [fate](const Request& request) { return request.stamp() ? fate : Fate::done; };
}

inline bool shows(const Stage& stage, std::size_t disk, std::uint64_t turn) {
    const auto entry = stage.owner(disk);
    return entry && entry->turn == turn;
}

// Whether it gets its seat in that time is another matter.
inline void sits(Stage& stage, Actor& user, Duration most) {
    if (!stage.until([&] { return user.seated(); }, most)) return;
    stage.pass(milliseconds(1));  // until it tells of it
}

// Of stories_returning.cpp.
void borrowed_by_one_look(Stage& stage);
void borrowed_before_the_locks(Stage& stage);
void half_given_back(Stage& stage);
void copied_after_giving_back(Stage& stage);
void a_host_is_forgotten(Stage& stage);

}  // namespace diskpaxos::sim
