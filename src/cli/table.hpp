// Table: aligned columns under headings; one cell of a row may be coloured.
#pragma once

#include <string>
#include <vector>

#include "cli/output.hpp"

namespace diskpaxos::cli {

class Table {
  public:
    explicit Table(std::vector<std::string> headings) : rows_{{.cells = std::move(headings)}} {}

    void row(std::vector<std::string> cells, std::size_t coloured = 0,
             Colour colour = Colour::none) {
        rows_.push_back({std::move(cells), coloured, colour});
    }
    bool empty() const { return rows_.size() == 1; }
    void print(Output& out) const;

  private:
    struct Row {
        std::vector<std::string> cells;
        std::size_t coloured = 0;
        Colour colour = Colour::none;
    };
    std::vector<Row> rows_;
};

}  // namespace diskpaxos::cli
