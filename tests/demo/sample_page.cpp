// Prints the sample recording: as the page, the picture or the JSON.
#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <string_view>

#include "demo/page.hpp"
#include "demo/picture.hpp"
#include "sample.hpp"

int main(int count, char** words) {
    using namespace diskpaxos::demo;
    const std::string_view what = count == 2 ? words[1] : "";
    const Recording recording = sample_recording();
    if (what == "page")
        fmt::print("{}", page(recording));
    else if (what == "picture")
        fmt::print("{}", picture_file(recording));
    else if (what == "json")
        fmt::print("{}", to_json(recording, true).dump());
    else
        return 64;
    return 0;
}
