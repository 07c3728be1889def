#include "diskpaxos/error.hpp"

#include "base/check.hpp"

namespace diskpaxos {

const char* word(Code code) {
    switch (code) {
        case Code::no: return "no";
        case Code::full: return "full";
        case Code::usage: return "usage";
        case Code::bad_data: return "bad_data";
        case Code::no_quorum: return "no_quorum";
        case Code::unknown_outcome: return "unknown_outcome";
        case Code::io: return "io";
        case Code::busy: return "busy";
        case Code::permission: return "permission";
        case Code::lost: return "lost";
        case Code::no_slot: return "no_slot";
        case Code::in_use: return "in_use";
        case Code::applied: return "applied";
        case Code::not_printed: return "not_printed";
        case Code::other_group: return "other_group";
    }
    UNREACHABLE();
}

int exit_code(Code code) {
    switch (code) {
        case Code::no:
        case Code::full: return 1;
        case Code::usage: return 64;
        case Code::bad_data:
        case Code::other_group: return 65;
        case Code::no_quorum:
        case Code::unknown_outcome:
        case Code::io: return 69;
        case Code::busy: return 75;
        case Code::permission: return 77;
        case Code::lost: return 79;
        case Code::no_slot: return 80;
        case Code::in_use: return 81;
        case Code::applied: return 82;
        case Code::not_printed: return 83;
    }
    UNREACHABLE();
}

}  // namespace diskpaxos
