#include "demo/plug.hpp"

#include <cerrno>
#include <utility>

namespace diskpaxos::demo {

void Plug::submit(Io& io) {
    if (!unplugged_) return hand_on(*disk_, io);
    if (io.kind == Io::Kind::watch) drop_abandoned_watches();
    held_.push_back(&io);
}

// Whoever watches asks again and again; only what may still change something has to go on its way.
void Plug::drop_abandoned_watches() {
    std::erase_if(held_, [](Io* io) {
        const bool drop = io->kind == Io::Kind::watch && abandoned(*io);
        if (!drop) return false;
        io->error = ECANCELED;
        io->finish();
        return true;
    });
}

void Plug::look() {
    if (unplugged_ || held_.empty()) return;
    for (Io* io : std::exchange(held_, {})) hand_on(*disk_, *io);
}

}  // namespace diskpaxos::demo
