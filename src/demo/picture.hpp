// Picture: a recording as one SVG. Above, a lane per process; below, how long the operations took,
// and the disks. Everything that has a time says so in its attributes (data-a, data-b, data-t: in
// seconds), so that the page can stretch it without drawing it again.
#pragma once

#include <string>

#include "demo/recording.hpp"

namespace diskpaxos::demo {

enum class Detail : std::uint8_t {
    all,     // for the page: every holding
    coarse,  // for a README: what lies within one pixel is drawn once
};

// The <svg> element alone; its colours are classes that the page defines.
std::string picture(const Recording& recording, Detail detail);

// A file of its own, with the colours of picture_style() inside.
std::string picture_file(const Recording& recording);

// The style sheet that page and file share: light, and dark where that is preferred.
const char* picture_style();

std::string escaped(const std::string& text);  // for markup

}  // namespace diskpaxos::demo
