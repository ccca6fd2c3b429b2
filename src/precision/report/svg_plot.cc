#include "precision/report/svg_plot.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace parapet {

const char* const kPlotStyles = R"(
.plot { width: 100%; height: auto; font: 12px var(--font); }
.plot text { fill: var(--muted); }
.plot .grid { stroke: var(--grid); stroke-width: 1; }
.plot .axis { stroke: var(--muted); stroke-width: 1; }
.plot .bar { fill: var(--series); }
.plot .bar:hover { fill: var(--strong); }
.plot .line { fill: none; stroke: var(--series); stroke-width: 2; }
.plot .dot { fill: var(--series); }
.plot .line.second { stroke: var(--strong); }
.plot .dot.second { fill: var(--strong); }
.plot .point { fill: var(--series); fill-opacity: 0.45; }
.plot .diagonal { stroke: var(--muted); stroke-dasharray: 4 4; }
)";

namespace {

constexpr double kWidth = 720;
constexpr double kHeight = 300;
constexpr double kLeft = 64;
constexpr double kRight = 12;
constexpr double kTop = 12;
constexpr double kBottom = 48;

// From values to places along one side of a drawing.
class Scale {
 public:
  Scale(double low, double high, bool logarithmic, double begin, double end)
      : logarithmic_(logarithmic),
        low_(to_linear(low)),
        high_(to_linear(high)),
        begin_(begin),
        end_(end) {
    if (high_ <= low_) high_ = low_ + 1;
  }

  double at(double value) const {
    return begin_ + (to_linear(value) - low_) / (high_ - low_) * (end_ - begin_);
  }

  std::vector<double> ticks() const {
    std::vector<double> ticks;
    if (logarithmic_) {
      const double step = std::max(1.0, std::ceil((high_ - low_) / 6));
      for (double power = std::ceil(low_ - 1e-9); power <= high_ + 1e-9; power += step) {
        ticks.push_back(std::pow(10, power));
      }
      return ticks;
    }
    const double step = nice_step((high_ - low_) / 5);
    for (double tick = std::ceil(low_ / step - 1e-9) * step; tick <= high_ + step * 1e-9;
         tick += step) {
      ticks.push_back(std::abs(tick) < step * 1e-9 ? 0 : tick);
    }
    return ticks;
  }

 private:
  double to_linear(double value) const { return logarithmic_ ? std::log10(value) : value; }

  // The least of 1, 2, 5, 10, ... times a power of ten that is not below.
  static double nice_step(double least) {
    const double power = std::pow(10, std::floor(std::log10(least)));
    for (const double factor : {1.0, 2.0, 5.0}) {
      if (factor * power >= least) return factor * power;
    }
    return 10 * power;
  }

  bool logarithmic_;
  double low_;
  double high_;
  double begin_;
  double end_;
};

class Drawing {
 public:
  explicit Drawing(const PlotText& text) {
    svg_ =
        fmt::format("<svg class=\"plot\" viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"{}\">\n",
                    kWidth, kHeight, escape_html(text.title));
    label((kLeft + kWidth - kRight) / 2, kHeight - 6, "middle", text.x_label);
    svg_ += fmt::format(
        "<text x=\"14\" y=\"{}\" text-anchor=\"middle\" transform=\"rotate(-90 14 "
        "{})\">{}</text>\n",
        (kTop + kHeight - kBottom) / 2, (kTop + kHeight - kBottom) / 2, escape_html(text.y_label));
  }

  void label(double x, double y, const char* anchor, std::string_view text) {
    svg_ += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\">{}</text>\n", x, y,
                        anchor, escape_html(text));
  }
  void line(const char* style, double x1, double y1, double x2, double y2) {
    svg_ += fmt::format(
        "<line class=\"{}\" x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\"/>\n", style, x1,
        y1, x2, y2);
  }
  void bar(double x, double y, double width, std::string_view tooltip) {
    svg_ += fmt::format(
        "<rect class=\"bar\" x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\">"
        "<title>{}</title></rect>\n",
        x, y, std::max(width, 0.5), std::max(kHeight - kBottom - y, 0.0), escape_html(tooltip));
  }
  void circle(std::string_view style, double x, double y, double radius, std::string_view tooltip) {
    svg_ += fmt::format("<circle class=\"{}\" cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"{}\">", style, x, y,
                        radius);
    if (!tooltip.empty()) svg_ += fmt::format("<title>{}</title>", escape_html(tooltip));
    svg_ += "</circle>\n";
  }
  void legend(std::size_t index, std::string_view style, std::string_view text) {
    const double y = kTop + 10 + 18 * static_cast<double>(index);
    circle(style, kLeft + 14, y - 4, 4, "");
    label(kLeft + 24, y, "start", text);
  }
  void polyline(std::string_view style, const std::vector<std::pair<double, double>>& points) {
    svg_ += fmt::format("<polyline class=\"{}\" points=\"", style);
    for (const auto& [x, y] : points) svg_ += fmt::format("{:.1f},{:.1f} ", x, y);
    svg_ += "\"/>\n";
  }

  void y_axis(const Scale& scale) {
    for (const double tick : scale.ticks()) {
      line("grid", kLeft, scale.at(tick), kWidth - kRight, scale.at(tick));
      label(kLeft - 6, scale.at(tick) + 4, "end", fmt::format("{:.3g}", tick));
    }
    line("axis", kLeft, kHeight - kBottom, kWidth - kRight, kHeight - kBottom);
  }
  void x_axis(const Scale& scale) {
    for (const double tick : scale.ticks()) {
      label(scale.at(tick), kHeight - kBottom + 16, "middle", fmt::format("{:.3g}", tick));
    }
  }

  std::string finish() { return svg_ + "</svg>\n"; }

 private:
  std::string svg_;
};

Scale horizontal(double low, double high, bool logarithmic = false) {
  return {low, high, logarithmic, kLeft, kWidth - kRight};
}
Scale vertical(double low, double high, bool logarithmic = false) {
  return {low, high, logarithmic, kHeight - kBottom, kTop};
}

}  // namespace

std::string escape_html(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    switch (c) {
      case '<': escaped += "&lt;"; break;
      case '>': escaped += "&gt;"; break;
      case '&': escaped += "&amp;"; break;
      case '"': escaped += "&quot;"; break;
      case '\'': escaped += "&#39;"; break;
      default: escaped += c >= 0 && c < ' ' ? ' ' : c;
    }
  }
  return escaped;
}

std::string bar_plot(const PlotText& text, std::span<const Bar> bars) {
  double highest = 0;
  for (const Bar& bar : bars) highest = std::max(highest, bar.value);
  Drawing drawing(text);
  const Scale y = vertical(0, highest == 0 ? 1 : highest * 1.05);
  drawing.y_axis(y);
  const double step =
      (kWidth - kLeft - kRight) / static_cast<double>(std::max<std::size_t>(1, bars.size()));
  // A label a bar as long as each has room for some letters.
  constexpr double kLabelWidth = 22;
  const auto every = static_cast<std::size_t>(std::max(1.0, std::ceil(kLabelWidth / step)));
  for (std::size_t i = 0; i < bars.size(); ++i) {
    const double x = kLeft + step * static_cast<double>(i);
    drawing.bar(x + step * 0.15, y.at(bars[i].value), step * 0.7, bars[i].tooltip);
    if (i % every == 0) {
      drawing.label(x + step / 2, kHeight - kBottom + 16, "middle", bars[i].label);
    }
  }
  return drawing.finish();
}

std::string line_plot(const PlotText& text, std::span<const Line> lines) {
  double least = std::numeric_limits<double>::infinity();  // above zero
  double high = 0;
  double last = 1;
  for (const Line& line : lines) {
    for (const auto& [x, y] : line.points) {
      if (y > 0) least = std::min(least, y);
      high = std::max(high, y);
      last = std::max(last, x);
    }
  }
  const bool logarithmic = high > 100 * least;
  Drawing drawing(text);
  const Scale x = horizontal(0, last);
  const Scale y =
      logarithmic ? vertical(least, high * 1.3, true) : vertical(0, high == 0 ? 1 : high * 1.05);
  drawing.y_axis(y);
  drawing.x_axis(x);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    std::vector<std::pair<double, double>> places;
    for (const auto& [at, value] : lines[i].points) {
      places.emplace_back(x.at(at), y.at(logarithmic ? std::max(value, least) : value));
    }
    const std::string number = i == 0 ? "" : " second";
    drawing.polyline("line" + number, places);
    for (std::size_t k = 0; k < places.size(); ++k) {
      drawing.circle("dot" + number, places[k].first, places[k].second, 3,
                     fmt::format("{}, {:.4g}: {:.4g}", lines[i].label, lines[i].points[k].first,
                                 lines[i].points[k].second));
    }
    drawing.legend(i, "dot" + number, lines[i].label);
  }
  return drawing.finish();
}

std::string scatter_plot(const PlotText& text, std::span<const std::pair<float, float>> points) {
  double low = 0;
  double high = 0;
  for (const auto& [x, y] : points) {
    low = std::min({low, static_cast<double>(x), static_cast<double>(y)});
    high = std::max({high, static_cast<double>(x), static_cast<double>(y)});
  }
  Drawing drawing(text);
  const Scale x = horizontal(low, high);
  const Scale y = vertical(low, high);
  drawing.y_axis(y);
  drawing.x_axis(x);
  drawing.line("diagonal", x.at(low), y.at(low), x.at(high), y.at(high));
  for (const auto& point : points) {
    drawing.circle("point", x.at(point.first), y.at(point.second), 2, "");
  }
  return drawing.finish();
}

std::string histogram_plot(const PlotText& text, std::span<const HistogramBin> bins) {
  if (bins.empty()) return Drawing(text).finish();
  double highest = 0;
  for (const HistogramBin& bin : bins) highest = std::max(highest, bin.share);
  Drawing drawing(text);
  const Scale x = horizontal(bins.front().begin, bins.back().end, true);
  const Scale y = vertical(0, highest == 0 ? 1 : 100 * highest * 1.05);
  drawing.y_axis(y);
  drawing.x_axis(x);
  for (const HistogramBin& bin : bins) {
    drawing.bar(x.at(bin.begin) + 0.5, y.at(100 * bin.share), x.at(bin.end) - x.at(bin.begin) - 1,
                fmt::format("{:.3g} – {:.3g}: {:.3g}%", bin.begin, bin.end, 100 * bin.share));
  }
  return drawing.finish();
}

}  // namespace parapet
