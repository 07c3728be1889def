// The hosts of a group, as a survey shows them: what each owns, and when something was last seen of
// it.
#pragma once

#include <string>
#include <vector>

#include "lock/survey.hpp"

namespace diskpaxos {

struct HostView {
    struct Process {
        std::uint16_t slot = 0;
        SessionRecord record;  // live, or so it says
    };
    Uuid id{};  // as this group knows it; none where nobody has a slot
    std::string name;
    std::string call;  // its name, and where others have the same one the beginning of its id
    std::vector<std::uint32_t> slots;  // that it owns
    std::vector<std::uint32_t> lent;   // that it has borrowed for healing
    // The latest that tells of it, unix time in ms, by its own clock: a slot that it claimed, a
    // session that was begun, renewed or left. A process without a session tells of nothing. 0:
    // nothing does.
    std::uint64_t seen_ms = 0;
    std::vector<Process> processes;  // with a session
};

// By name, then by id. Where all disks are active the sessions are all that there is to go by.
std::vector<HostView> view_hosts(const Survey& survey);

// As in "db3 (21 d), db7 (3 h)": those of which nothing was seen for an hour, the longest first; of
// many the first few. Empty: there are none.
std::string unseen_for_long(const std::vector<HostView>& hosts, std::uint64_t now_ms);

}  // namespace diskpaxos
