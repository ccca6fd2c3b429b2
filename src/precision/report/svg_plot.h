// Plots as SVG that stands inside an HTML page: its colours are that page's CSS variables, so that
// one drawing serves light and dark.
#pragma once

#include <span>
#include <string>
#include <utility>
#include <vector>

namespace parapet {

struct PlotText {
  std::string title;  // what a screen reader says
  std::string x_label;
  std::string y_label;
};

struct Bar {
  std::string label;  // under the axis
  std::string tooltip;
  double value = 0;
};
// Bars from zero.
std::string bar_plot(const PlotText& text, std::span<const Bar> bars);

struct Line {
  std::string label;
  std::vector<std::pair<double, double>> points;  // x ascends
};
// Points joined by lines, at most two of them. Where values span more than two decades the y axis
// is logarithmic, and zeros lie on its end.
std::string line_plot(const PlotText& text, std::span<const Line> lines);

// Points against the diagonal that they would lie on if both sides were equal.
std::string scatter_plot(const PlotText& text, std::span<const std::pair<float, float>> points);

struct HistogramBin {
  double begin = 0;  // above zero
  double end = 0;
  double share = 0;  // of all, 0 to 1
};
// Over a logarithmic axis.
std::string histogram_plot(const PlotText& text, std::span<const HistogramBin> bins);

// The styles that the drawings use, for the page's style sheet.
extern const char* const kPlotStyles;

// "<", ">", "&" and quotes as HTML and SVG spell them; control characters become spaces.
std::string escape_html(std::string_view text);

}  // namespace parapet
