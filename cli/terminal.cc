#include "terminal.h"

#include <fmt/format.h>
#include <unistd.h>
#include <utf8proc.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>

namespace parapet::cli {
namespace {

bool standard_output_has_colors() {
  static const bool kColors = is_terminal(stdout) && std::getenv("NO_COLOR") == nullptr;
  return kColors;
}

// One character of a UTF-8 text; invalid bytes come one at a time, as -1.
struct Character {
  utf8proc_int32_t code_point = -1;
  std::size_t bytes = 1;
};

Character first_character(std::string_view text) {
  Character character;
  const auto read =
      utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                       static_cast<utf8proc_ssize_t>(text.size()), &character.code_point);
  character.bytes = read > 0 ? static_cast<std::size_t>(read) : 1;
  if (read <= 0) character.code_point = -1;
  return character;
}

// Control and format characters (direction marks, joiners) say nothing on one line of a table and
// can disturb it.
std::string visible(const Character& character, std::string_view bytes) {
  if (character.code_point < 0) return "\uFFFD";
  switch (utf8proc_category(character.code_point)) {
    case UTF8PROC_CATEGORY_CC: return character.code_point == '\n' ? "⏎" : " ";
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP: return "";
    default: return std::string(bytes);
  }
}

// Draws once a second has passed, then ten times a second.
class ProgressBar {
 public:
  void update(std::string_view task, std::uint64_t done, std::uint64_t total) {
    const auto now = Clock::now();
    if (task != task_) {
      finish();
      task_ = task;
      began_ = now;
    }
    const bool complete = done >= total;
    if (now - began_ < std::chrono::seconds(1) ||
        (!complete && now - drawn_ < std::chrono::milliseconds(100))) {
      return;
    }
    drawn_ = now;
    draw(total == 0 ? 1.0 : static_cast<double>(done) / static_cast<double>(total));
    if (complete) finish();
  }

 private:
  using Clock = std::chrono::steady_clock;

  void draw(double share) {
    constexpr std::size_t kWidth = 30;
    const auto filled = static_cast<std::size_t>(share * kWidth);
    const std::chrono::duration<double> seconds = Clock::now() - began_;
    std::string bar;
    for (std::size_t i = 0; i < kWidth; ++i) bar += i < filled ? "█" : "░";
    fmt::print(stderr, "\r{} {} {:3.0f}% {:.1f} s", task_, bar, share * 100, seconds.count());
    std::fflush(stderr);
    visible_ = true;
  }

  void finish() {
    if (visible_) fmt::print(stderr, "\n");
    visible_ = false;
    task_.clear();
  }

  std::string task_;
  Clock::time_point began_;
  Clock::time_point drawn_;
  bool visible_ = false;
};

}  // namespace

bool is_terminal(std::FILE* stream) { return ::isatty(::fileno(stream)) == 1; }

std::string colored(std::string_view text, Color color) {
  if (color == Color::kPlain || !standard_output_has_colors()) return std::string(text);
  constexpr int kCodes[] = {0, 32, 33, 31, 2, 1};
  return fmt::format("\033[{}m{}\033[0m", kCodes[static_cast<int>(color)], text);
}

std::size_t display_width(std::string_view text) {
  std::size_t width = 0;
  while (!text.empty()) {
    const Character character = first_character(text);
    width += character.code_point < 0
                 ? 1
                 : static_cast<std::size_t>(utf8proc_charwidth(character.code_point));
    text.remove_prefix(character.bytes);
  }
  return width;
}

std::string one_line(std::string_view text, std::size_t width) {
  std::string line;
  std::size_t used = 0;
  while (!text.empty()) {
    const Character character = first_character(text);
    const std::string shown = visible(character, text.substr(0, character.bytes));
    text.remove_prefix(character.bytes);
    const std::size_t columns = display_width(shown);
    if (used + columns > width || (used + columns == width && !text.empty())) {
      return line + "…";
    }
    line += shown;
    used += columns;
  }
  return line;
}

std::string many_lines(std::string_view text) {
  std::string lines;
  while (!text.empty()) {
    const Character character = first_character(text);
    const std::string_view bytes = text.substr(0, character.bytes);
    lines += bytes == "\n" || bytes == "\t" ? std::string(bytes) : visible(character, bytes);
    text.remove_prefix(character.bytes);
  }
  return lines;
}

void Table::print(const std::vector<Cell>& row) const {
  std::string line;
  for (std::size_t i = 0; i < row.size(); ++i) {
    const std::string text = one_line(row[i].text, widths_[i]);
    line += colored(text, row[i].color);
    if (i + 1 < row.size()) line.append(widths_[i] - display_width(text) + 2, ' ');
  }
  fmt::print("{}\n", line);
}

void print_error(std::string_view message) {
  constexpr std::size_t kLongest = 2000;  // messages quote input; a screen is enough
  fmt::print(stderr, "parapet: {}\n", one_line(message, kLongest));
}

void print_error(const Error& error) {
  print_error(fmt::format("{}: {}", to_string(error.code), error.message));
}

ProgressCallback progress_bar() {
  if (!is_terminal(stderr)) return {};
  auto bar = std::make_shared<ProgressBar>();
  return [bar](std::string_view task, std::uint64_t done, std::uint64_t total) {
    bar->update(task, done, total);
  };
}

}  // namespace parapet::cli
