#include "demo/page.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <cctype>
#include <ctime>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>
#include <string_view>

#include "base/check.hpp"
#include "demo/picture.hpp"
#include "demo/storyline.hpp"

namespace diskpaxos::demo {

namespace {

std::string filled(std::string_view form, const std::map<std::string_view, std::string>& fields) {
    std::string result;
    for (;;) {
        const std::size_t open = form.find("{{");
        result += form.substr(0, open);
        if (open == std::string_view::npos) return result;
        const std::size_t close = form.find("}}", open);
        const auto field = fields.find(form.substr(open + 2, close - open - 2));
        CHECK(close != std::string_view::npos && field != fields.end());
        result += field->second;
        form.remove_prefix(close + 2);
    }
}

std::string spelt(std::size_t number) {
    static constexpr const char* words[] = {"no",   "one", "two",   "three", "four",
                                            "five", "six", "seven", "eight", "nine"};
    return number < std::size(words) ? words[number] : fmt::to_string(number);
}

std::string title(const Recording& recording) {
    std::string text = fmt::format("{} processes, {} disks, one lock", spelt(recording.processes),
                                   spelt(recording.disks.size()));
    text[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(text[0])));
    return text;
}

std::string lead(const Recording& recording) {
    const auto seconds = static_cast<std::time_t>(recording.unix_ms / 1000);
    return fmt::format(
        "A recording of <code>{}</code>, {:%Y-%m-%d %H:%M} UTC, {:.0f} seconds. The processes are "
        "real and talk to nobody: all they share are blocks on the disks, any {} of which are "
        "enough. A session lives {:.3g} s without renewal.",
        escaped(recording.command), fmt::gmtime(seconds), recording.seconds(recording.end),
        recording.majority(), std::chrono::duration<double>(recording.ttl).count());
}

std::string figures(const Recording& recording) {
    std::string list;
    for (const Figure& figure : recording.figures) {
        list += fmt::format("<li><b>{}</b><span>{}</span></li>\n", escaped(figure.number),
                            escaped(figure.text));
    }
    return list;
}

// The two beats that nobody shall miss have a colour of their own.
const char* colour_of(const Recording& recording, const Act& act) {
    for (const Event& event : recording.events) {
        if (event.at < act.from || event.at >= act.until) continue;
        if (event.what == Happening::refused) return "beat";
    }
    for (const Interval& dark : without_majority(recording)) {
        if (dark.from >= act.from && dark.from < act.until) return "frozen";
    }
    return "";
}

std::string acts(const Recording& recording) {
    std::string list;
    for (std::size_t i = 0; i < recording.acts.size(); ++i) {
        const Act& act = recording.acts[i];
        list += fmt::format(
            "<li class=\"{}\"><h2><i>{}</i>{}</h2><p class=\"number\">{}</p><p>{}</p>"
            "<button type=\"button\" aria-label=\"Look closer at: {}\">look closer</button></li>\n",
            colour_of(recording, act), i + 1, escaped(act.name), escaped(act.number),
            escaped(act.caption), escaped(act.name));
    }
    return list;
}

constexpr const char* footer_text =
    "How to read it: each lane is one process. The lock is a cell that records its holder; the "
    "token grows by one with every holding, for ever, so a resource that remembers the largest "
    "token it has seen can refuse whoever comes late. A session is renewed on a majority of the "
    "disks; when that is not possible its owner stops by itself, before anybody else may take "
    "over.";

// A "</script>" within the data would end it.
std::string within_script(const std::string& json) {
    std::string result;
    for (const char c : json) {
        if (c == '<')
            result += "\\u003c";
        else
            result += c;
    }
    return result;
}

}  // namespace

std::string page(const Recording& recording) {
    return filled(page_template(), {{"title", title(recording)},
                                    {"style", picture_style()},
                                    {"lead", lead(recording)},
                                    {"figures", figures(recording)},
                                    {"picture", picture(recording, Detail::all)},
                                    {"acts", acts(recording)},
                                    {"footer", footer_text},
                                    {"data", within_script(to_json(recording, false).dump())}});
}

}  // namespace diskpaxos::demo
