// Page: a recording as one HTML file that needs nothing else: no network, no font, no server.
#pragma once

#include <string>

#include "demo/recording.hpp"

namespace diskpaxos::demo {

std::string page(const Recording& recording);

const char* page_template();  // timeline.html, as it was when this was built

}  // namespace diskpaxos::demo
