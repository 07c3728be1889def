#include "demo/canvas.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace diskpaxos::demo {

namespace {

constexpr double least_width = 0.9;  // what is shorter would not be seen
constexpr double letter = 6.6;       // a guess of how wide one is, until a browser measures

std::string number_of(std::optional<std::size_t> event) {
    return event ? fmt::format(" data-i='{}'", *event) : "";
}

}  // namespace

std::string escaped(const std::string& text) {
    std::string result;
    for (const char c : text) {
        switch (c) {
            case '<':
                result += "&lt;";
                break;
            case '>':
                result += "&gt;";
                break;
            case '&':
                result += "&amp;";
                break;
            case '"':
                result += "&quot;";
                break;
            case '\'':
                result += "&#39;";
                break;
            default:
                result += c;
        }
    }
    return result;
}

void Canvas::bar(const char* style, Span span, double y, double height,
                 std::optional<std::size_t> event) {
    svg_ += fmt::format(
        "<rect class='{}' data-a='{:.4f}' data-b='{:.4f}'{} x='{:.1f}' y='{:.1f}' width='{:.1f}' "
        "height='{:.1f}'/>\n",
        style, span.from, span.until, number_of(event), x(span.from), y,
        std::max(least_width, x(span.until) - x(span.from)), height);
}

void Canvas::dense(const char* style, Span span, double y, double height, unsigned lane,
                   Detail detail, std::size_t event) {
    if (detail == Detail::all) return bar(style, span, y, height, event);
    Dense& last = pending_[{lane, style}];
    if (!last.style.empty() && x(span.from) - x(last.span.until) < least_width / 2) {
        last.span.until = std::max(last.span.until, span.until);
        return;
    }
    draw(last);
    last = {style, span, y, height};
}

void Canvas::draw(const Dense& dense) {
    if (!dense.style.empty()) bar(dense.style.c_str(), dense.span, dense.y, dense.height);
}

void Canvas::flush() {
    for (const auto& [lane, dense] : pending_) draw(dense);
    pending_.clear();
}

void Canvas::text(const char* style, Span span, double y, const std::string& text, Fit fit) {
    const double room = x(span.until) - x(span.from);
    const double need = letter * static_cast<double>(text.size());
    const bool cut = fit == Fit::cut;
    const char* name = cut ? "cut" : fit == Fit::hide ? "hide" : "squeeze";
    std::string shown = text;
    if (cut && need > room - 12) {
        const auto letters = static_cast<std::size_t>(std::max(0.0, (room - 18) / letter));
        const bool numbered = text.size() > 2 && text[1] == ' ';  // its number stays
        shown.resize(letters > 3 ? letters : numbered && letters > 0 ? 1 : 0);
        if (letters > 3) shown += "…";
    }
    const double scale = fit == Fit::squeeze ? std::min(1.0, room / (need * 1.3)) : 1;
    const bool hidden = (fit == Fit::hide && need > room) || scale < 0.45;
    svg_ += fmt::format(
        "<text class='{}' data-a='{:.4f}' data-b='{:.4f}' data-fit='{}' data-text='{}' x='{:.1f}' "
        "y='{:.1f}'{}{}{}>{}</text>\n",
        style, span.from, span.until, name, escaped(text),
        cut ? x(span.from) + 8 : (x(span.from) + x(span.until)) / 2, y,
        cut ? "" : " text-anchor='middle'", hidden ? " visibility='hidden'" : "",
        scale < 1 ? fmt::format(" style='font-size:{:.1f}px'", 14 * scale) : "", escaped(shown));
}

void Canvas::mark(double time, const std::string& content, std::optional<std::size_t> event) {
    svg_ += fmt::format("<g data-t='{:.4f}'{}{} transform='translate({:.1f},0)'>{}</g>\n", time,
                        number_of(event), event ? " tabindex='0'" : "", x(time), content);
}

// A banner on a pole that stands in the lane, before it where there is room: what led to it lies
// there.
void Canvas::flag(double time, double y, const std::string& text, std::size_t event) {
    const double size = 7.4 * static_cast<double>(text.size()) + 20;
    const double from = x(time) - size > left ? -size : 0;
    mark(time,
         fmt::format("<g data-flag='{0:.0f}'><line class='bad-line' y1='{1:.0f}' "
                     "y2='{2:.0f}'/><circle class='flag' cy='{2:.0f}' r='5'/><g class='banner' "
                     "transform='translate({3:.0f},0)'><rect class='flag' y='{1:.0f}' "
                     "width='{0:.0f}' height='26' rx='3'/><text class='flag-text' x='{4:.0f}' "
                     "y='{5:.0f}' text-anchor='middle'>{6}</text></g></g>",
                     size, y - 38, y, from, size / 2, y - 20, escaped(text)),
         event);
}

void Canvas::label(double y, const std::string& text, const char* style) {
    svg_ += fmt::format("<text class='{}' x='{:.0f}' y='{:.0f}' text-anchor='end'>{}</text>\n",
                        style, left - 14, y, escaped(text));
}

void Canvas::rule(double y) {
    svg_ +=
        fmt::format("<line class='rule full' x1='{:.0f}' x2='{:.0f}' y1='{:.1f}' y2='{:.1f}'/>\n",
                    left, width - right, y, y);
}

}  // namespace diskpaxos::demo
