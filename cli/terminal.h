// What a person sees: colours, columns and progress, each only where there is a terminal.
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "parapet/error.h"
#include "parapet/types.h"

namespace parapet::cli {

enum class Color { kPlain, kGreen, kYellow, kRed, kDim, kBold };

bool is_terminal(std::FILE* stream);

// The text in a colour, where standard output is a terminal and NO_COLOR is not set.
std::string colored(std::string_view text, Color color);

// Terminal columns a UTF-8 text takes: East Asian wide characters take two, combining marks none.
std::size_t display_width(std::string_view text);
// At most `width` columns of the text, on one line, with control characters made visible and "…"
// where it was cut. Text of strangers must not reach a terminal raw: it could move the cursor.
std::string one_line(std::string_view text, std::size_t width);
// The whole text with its own line ends and tabs; other control characters likewise.
std::string many_lines(std::string_view text);

struct Cell {
  std::string text;
  Color color = Color::kPlain;
};
// Rows in aligned columns of the given widths; a longer cell is cut.
class Table {
 public:
  explicit Table(std::vector<std::size_t> widths) : widths_(std::move(widths)) {}
  void print(const std::vector<Cell>& row) const;

 private:
  std::vector<std::size_t> widths_;
};

// "parapet: MESSAGE" on standard error, one line.
void print_error(std::string_view message);
void print_error(const Error& error);

// A bar on standard error that appears once something has taken a second; plain where that is no
// terminal: then nothing is drawn.
ProgressCallback progress_bar();

}  // namespace parapet::cli
