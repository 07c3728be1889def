#include "demo/plug.hpp"

#include <utility>

namespace diskpaxos::demo {

void Plug::submit(Io& io) {
    if (unplugged_)
        held_.push_back(&io);
    else
        hand_on(*disk_, io);
}

void Plug::look() {
    if (unplugged_ || held_.empty()) return;
    for (Io* io : std::exchange(held_, {})) hand_on(*disk_, *io);
}

}  // namespace diskpaxos::demo
