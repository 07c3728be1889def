#include "demo/picture.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>

#include "demo/canvas.hpp"
#include "demo/storyline.hpp"

namespace diskpaxos::demo {

namespace {

// Where things stand, top to bottom.
constexpr double strip_top = 8;
constexpr double strip_height = 46;
constexpr double lanes_top = strip_top + strip_height + 40;
constexpr double lane_pitch = 46;
constexpr double bar = 22;
constexpr double latency_height = 44;
constexpr double disk_pitch = 32;
constexpr double disk_bar = 16;

class Drawing {
  public:
    Drawing(const Recording& recording, Detail detail)
        : recording_(recording),
          canvas_(recording.seconds(recording.end)),
          detail_(detail),
          latency_top_(lanes_top + recording.processes * lane_pitch + 24),
          disks_top_(latency_top_ + latency_height + 30),
          bottom_(disks_top_ + static_cast<double>(recording.disks.size()) * disk_pitch) {}

    std::string draw() {
        open();
        acts();
        axis();
        lanes();
        latency();
        disks();
        frost();
        flags();
        canvas_.add("</svg>\n");
        return canvas_.take();
    }

  private:
    double at(Instant moment) const { return recording_.seconds(moment); }
    static double lane_middle(std::size_t process) {
        return lanes_top + (static_cast<double>(process) + 0.5) * lane_pitch;
    }

    void open() {
        const double height = bottom_ + 34;
        canvas_.add(
            fmt::format("<svg class='picture' id='picture' viewBox='0 0 {:.0f} {:.0f}' "
                        "role='img' aria-labelledby='picture-title picture-words' "
                        "data-end='{:.3f}' data-left='{:.0f}' data-right='{:.0f}'>\n"
                        "<title id='picture-title'>{} processes, {} disks, one lock</title>\n"
                        "<desc id='picture-words'>{}</desc>\n",
                        Canvas::width, height, canvas_.length(), Canvas::left, Canvas::right,
                        recording_.processes, recording_.disks.size(), in_words()));
        canvas_.add(
            "<defs>\n"
            "<pattern id='ice' width='7' height='7' patternUnits='userSpaceOnUse' "
            "patternTransform='rotate(45)'><rect class='ice' width='7' height='7'/><line "
            "class='ice-line' y2='7'/></pattern>\n"
            "<pattern id='dead' width='6' height='6' patternUnits='userSpaceOnUse' "
            "patternTransform='rotate(-45)'><rect class='dead-paper' width='6' height='6'/><line "
            "class='dead-line' y2='6'/></pattern>\n"
            "<pattern id='zeros' width='16' height='16' patternUnits='userSpaceOnUse' y='14'><text "
            "class='zeros' x='5' y='12'>0</text></pattern>\n"
            "</defs>\n");
        canvas_.add(fmt::format("<rect class='paper' width='{:.0f}' height='{:.0f}'/>\n",
                                Canvas::width, height));
    }

    std::string in_words() const {  // for those who do not see it
        std::string text;
        for (const Act& act : recording_.acts) {
            text += fmt::format("{}: {} ", act.name, act.caption);
        }
        return escaped(text);
    }

    void acts() {
        for (std::size_t i = 0; i < recording_.acts.size(); ++i) {
            const Act& act = recording_.acts[i];
            const double from = at(act.from);
            const double until = at(act.until);
            if (i % 2 == 0) {
                canvas_.bar("band", {from, until}, strip_top, bottom_ - strip_top + 10);
            }
            const std::string title = fmt::format("{}  {}", i + 1, act.name);
            canvas_.text("act", {from, until}, strip_top + 19, title, Fit::cut);
            canvas_.text("small quiet", {from, until}, strip_top + 37, act.number, Fit::cut);
        }
    }

    void axis() {
        const double y = lanes_top - 10;
        const double step = canvas_.length() > 30 ? 5 : canvas_.length() > 12 ? 2 : 1;
        canvas_.rule(y);
        canvas_.add("<g id='ticks'>");
        for (double second = 0; second <= canvas_.length(); second += step) {
            canvas_.mark(
                second,
                fmt::format("<line class='rule' y1='{0:.0f}' y2='{1:.0f}'/><text class='small "
                            "quiet' y='{2:.0f}' text-anchor='middle'>{3:.0f} s</text>",
                            y, y + 5, y - 6, second));
        }
        canvas_.add("</g>\n");
    }

    void lanes() {
        for (unsigned process = 0; process < recording_.processes; ++process) {
            const double y = lane_middle(process);
            canvas_.label(y + 4, fmt::format("process {}", process + 1));
            canvas_.rule(y);
        }
        const std::vector<Stretch> stretches = process_stretches(recording_);
        for (const Stretch& stretch : stretches) wait(stretch);
        canvas_.flush();
        for (const Stretch& stretch : stretches) lane(stretch);  // on top of the waiting
        canvas_.flush();
    }

    void wait(const Stretch& stretch) {
        if (stretch.state != ProcessState::waiting) return;
        canvas_.dense("waiting", {at(stretch.from), at(stretch.until)},
                      lane_middle(stretch.subject) - 2, 4, stretch.subject, detail_, stretch.event);
    }

    void lane(const Stretch& stretch) {
        const Span span{at(stretch.from), at(stretch.until)};
        const double y = lane_middle(stretch.subject);
        switch (stretch.state) {
            case ProcessState::idle:
            case ProcessState::waiting:
                return;
            case ProcessState::holding:
                return canvas_.dense("holding", span, y - bar / 2, bar, stretch.subject, detail_,
                                     stretch.event);
            case ProcessState::expired:
                canvas_.bar("expired", span, y - 3, 6, stretch.event);
                return;
            case ProcessState::frozen:
                canvas_.bar("frozen", span, y - bar / 2, bar, stretch.event);
                canvas_.text("small name", span, y + 4, "stopped", Fit::hide);
                return;
            case ProcessState::dead:
                break;
        }
        if (stretch.token == 0) return;  // it left, or died empty-handed
        const Span lease{span.from, std::min(span.until, at(successor(stretch)))};
        canvas_.bar("dead", lease, y - bar / 2, bar, stretch.event);
        canvas_.text("small bad", lease, y + 4, fmt::format("{:.2f} s", lease.until - lease.from),
                     Fit::hide);
    }

    // When the next holder got the lock.
    Instant successor(const Stretch& stretch) const {
        for (const Event& event : recording_.events) {
            if (event.what == Happening::holding && event.token > stretch.token) return event.at;
        }
        return stretch.until;
    }

    // A bar per bin, as long as the logarithm of its time: a line at 1 ms, ticks at 10 and 100.
    void latency() {
        const double floor = latency_top_ + latency_height;
        canvas_.label(latency_top_ + 14, "operations");
        canvas_.label(latency_top_ + 30, "median, worst", "small quiet");
        const auto tall = [](Duration time) {
            const double micros =
                std::max(20.0, std::chrono::duration<double, std::micro>(time).count());
            return std::min(1.0, std::log10(micros / 20) / std::log10(1e6 / 20)) * latency_height;
        };
        for (const auto& [time, text] : {std::pair{std::chrono::microseconds(1000), "1 ms"},
                                         {std::chrono::microseconds(100'000), "100 ms"}}) {
            const double y = floor - tall(time);
            canvas_.rule(y);
            canvas_.add(
                fmt::format("<text class='small quiet edge' x='{:.0f}' y='{:.1f}'>{}</text>\n",
                            Canvas::width - Canvas::right + 6, y + 4, text));
        }
        const Duration width = std::max(Duration(std::chrono::milliseconds(50)),
                                        (recording_.end - recording_.start) / 240);
        for (const Latency& bin : latencies(recording_, width)) {
            const Span span{at(bin.bin.from), at(bin.bin.until)};
            canvas_.bar("worst", span, floor - tall(bin.worst), tall(bin.worst));
            canvas_.bar("latency", span, floor - tall(bin.median) - 1.25, 2.5);
        }
        canvas_.rule(floor);
    }

    void disks() {
        for (std::size_t disk = 0; disk < recording_.disks.size(); ++disk) {
            canvas_.label(disk_middle(disk) + 4, fmt::format("disk {}", recording_.disks[disk]));
        }
        for (const DiskStretch& stretch : disk_stretches(recording_)) {
            const Span span{at(stretch.from), at(stretch.until)};
            const double y = disk_middle(stretch.disk) - disk_bar / 2;
            switch (stretch.state) {
                case DiskState::sound:
                    canvas_.bar("disk-sound", span, y, disk_bar);
                    break;
                case DiskState::wiped:
                    canvas_.bar("disk-wiped", span, y, disk_bar, stretch.event);
                    break;
                case DiskState::unplugged:
                    canvas_.bar("disk-unplugged", span, y, disk_bar, stretch.event);
                    canvas_.text("small frost-text", span, y + 12, "unplugged", Fit::hide);
                    break;
                case DiskState::healing: {
                    const double healed = disk_bar * stretch.percent / 100;
                    canvas_.bar("disk-empty", span, y, disk_bar);
                    canvas_.bar("disk-sound", span, y + disk_bar - healed, healed, stretch.event);
                    break;
                }
            }
        }
    }
    double disk_middle(std::size_t disk) const {
        return disks_top_ + (static_cast<double>(disk) + 0.5) * disk_pitch;
    }

    void frost() {
        for (const Interval& interval : without_majority(recording_)) {
            const Span span{at(interval.from), at(interval.until)};
            const double top = lanes_top - 2;
            const double height = recording_.processes * lane_pitch + 4;
            canvas_.bar("frost", span, top, height);
            const double middle = top + height / 2;
            canvas_.text("frost-word", span, middle - 14, "NO MAJORITY", Fit::squeeze);
            canvas_.text("frost-text", span, middle + 8, "everything waits,", Fit::squeeze);
            canvas_.text("frost-text", span, middle + 26, "nobody holds,", Fit::squeeze);
            canvas_.text("frost-text", span, middle + 44, "nobody guesses", Fit::squeeze);
        }
    }

    void flags() {
        for (std::size_t i = 0; i < recording_.events.size(); ++i) {
            const Event& event = recording_.events[i];
            const double y = lane_middle(event.subject);
            if (event.what == Happening::killed) {
                canvas_.mark(
                    at(event.at),
                    fmt::format("<g transform='translate(0,{:.0f})'><path class='bad-line' "
                                "d='M-6,-6L6,6M-6,6L6,-6'/><text class='bad' x='0' y='-15' "
                                "text-anchor='middle'>kill -9</text></g>",
                                y),
                    i);
            } else if (event.what == Happening::refused) {
                canvas_.flag(
                    at(event.at), y,
                    fmt::format("stale write refused: token {} < {}", event.token, event.largest),
                    i);
            } else if (event.what == Happening::wiped) {
                canvas_.mark(
                    at(event.at),
                    fmt::format(
                        "<text class='small name' x='4' y='{:.0f}'>zeroed, all of it</text>",
                        disk_middle(event.subject) - disk_bar / 2 - 4),
                    i);
            }
        }
    }

    const Recording& recording_;
    Canvas canvas_;
    Detail detail_;
    double latency_top_;
    double disks_top_;
    double bottom_;
};

}  // namespace

std::string picture(const Recording& recording, Detail detail) {
    return Drawing(recording, detail).draw();
}

std::string picture_file(const Recording& recording) {
    std::string svg = picture(recording, Detail::coarse);
    svg.insert(svg.find("<defs>"), fmt::format("<style>{}</style>\n", picture_style()));
    svg.insert(svg.find(" class="), " xmlns='http://www.w3.org/2000/svg'");
    return svg;
}

}  // namespace diskpaxos::demo
