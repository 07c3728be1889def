// Canvas: SVG elements that know their time. Where the page stretches the picture it does what
// is done here once: x = left + (time - first) / (last - first) × the room there is.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "demo/picture.hpp"

namespace diskpaxos::demo {

struct Span {  // in seconds
    double from = 0;
    double until = 0;
};

enum class Fit : std::uint8_t {
    hide,     // centred in the span, or not at all
    cut,      // from the left of the span, cut off where it ends
    squeeze,  // centred, made smaller until it fits
};

class Canvas {
  public:
    static constexpr double width = 1280;
    static constexpr double left = 104;
    static constexpr double right = 52;

    explicit Canvas(double length) : length_(length) {}
    double length() const { return length_; }

    void add(std::string_view markup) { svg_ += markup; }
    void bar(const char* style, Span span, double y, double height,
             std::optional<std::size_t> event = {});
    // One of very many: where detail is coarse, those that share a pixel become one.
    void dense(const char* style, Span span, double y, double height, unsigned lane, Detail detail,
               std::size_t event);
    void flush();  // after the last dense one
    void text(const char* style, Span span, double y, const std::string& text, Fit fit);
    void mark(double time, const std::string& content, std::optional<std::size_t> event = {});
    void flag(double time, double y, const std::string& text, std::size_t event);
    void label(double y, const std::string& text, const char* style = "name");
    void rule(double y);
    std::string take() { return std::move(svg_); }

  private:
    double x(double time) const { return left + time / length_ * (width - left - right); }

    struct Dense {
        std::string style;
        Span span;
        double y = 0;
        double height = 0;
    };
    void draw(const Dense& dense);

    double length_;
    std::string svg_;
    std::map<std::pair<unsigned, std::string>, Dense> pending_;  // per lane and style
};

}  // namespace diskpaxos::demo
