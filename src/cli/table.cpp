#include "cli/table.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace diskpaxos::cli {

namespace {

// Code points, which is close enough to columns.
std::size_t width_of(const std::string& text) {
    return static_cast<std::size_t>(
        std::ranges::count_if(text, [](char c) { return (c & 0xc0) != 0x80; }));
}

}  // namespace

void Table::print(Output& out) const {
    std::vector<std::size_t> widths(rows_.front().cells.size());
    for (const Row& row : rows_) {
        for (std::size_t i = 0; i < row.cells.size(); ++i) {
            widths[i] = std::max(widths[i], width_of(row.cells[i]));
        }
    }
    for (const Row& row : rows_) {
        std::string line;
        std::string blanks;  // not at the end of a line
        for (std::size_t i = 0; i < row.cells.size(); ++i) {
            if (!row.cells[i].empty()) {
                const Colour colour = i == row.coloured ? row.colour : Colour::none;
                line += blanks + out.paint(colour, row.cells[i]);
                blanks.clear();
            }
            blanks += std::string(widths[i] - width_of(row.cells[i]) + 2, ' ');
        }
        out.line(line);
    }
}

}  // namespace diskpaxos::cli
