// The report to look at: one file, its plots drawn in it, no script and nothing from elsewhere.
#include <fmt/format.h>

#include <algorithm>

#include "parapet/precision.h"
#include "precision/report/sections.h"
#include "precision/report/svg_plot.h"
#include "precision/report/words.h"
#include "precision/summary.h"

namespace parapet {
namespace {

constexpr const char* kStyles = R"(
:root { color-scheme: light dark; --font: system-ui, "Noto Sans", "Noto Sans CJK SC", sans-serif;
  --page: #ffffff; --text: #1c2128; --muted: #5b6470; --grid: #e3e6ea; --band: #f5f7f9;
  --series: #2f6fb0; --strong: #c2571a; --good: #1a7f43; --bad: #b3261e; }
@media (prefers-color-scheme: dark) { :root { --page: #14171c; --text: #e6e9ed; --muted: #9aa4b0;
  --grid: #2c333c; --band: #1c2128; --series: #6cabe8; --strong: #f0975a; --good: #56c883;
  --bad: #ff8a80; } }
body { margin: 0 auto; max-width: 68rem; padding: 1.5rem 1rem 4rem; background: var(--page);
  color: var(--text); font: 15px/1.5 var(--font); }
h1 { font-size: 1.5rem; margin: 0 0 .25rem; }
h2 { font-size: 1.1rem; margin: 2.25rem 0 .5rem; }
p { margin: .25rem 0 .75rem; color: var(--muted); }
.verdict { font-weight: 600; padding: .5rem .75rem; border-left: 4px solid; background: var(--band); }
.passed { color: var(--good); border-color: var(--good); }
.failed { color: var(--bad); border-color: var(--bad); }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .35rem .6rem; border-bottom: 1px solid var(--grid);
  vertical-align: top; overflow-wrap: break-word; }
th { font-weight: 600; }
tbody tr:nth-child(even) { background: var(--band); }
figure { margin: 1.25rem 0; }
figcaption { color: var(--muted); margin-bottom: .25rem; }
pre { background: var(--band); padding: .75rem; overflow-x: auto; }
)";

std::string figure(const std::string& caption, const std::string& plot) {
  return "<figure>\n<figcaption>" + escape_html(caption) + "</figcaption>\n" + plot + "</figure>\n";
}

std::string table_text(const ReportSection& section) {
  std::string text = "<div class=\"wide\"><table>\n<thead><tr>";
  for (const std::string& column : section.columns) text += "<th>" + escape_html(column) + "</th>";
  text += "</tr></thead>\n<tbody>\n";
  for (const auto& row : section.rows) {
    text += "<tr>";
    for (const std::string& cell : row) text += "<td>" + escape_html(cell) + "</td>";
    text += "</tr>\n";
  }
  return text + "</tbody>\n</table></div>\n";
}

class Plots {
 public:
  Plots(const PrecisionEval& eval, const ReportWords& words) : eval_(eval), words_(words) {}

  // What stands under a section's table.
  std::string of(SectionKind kind) const {
    switch (kind) {
      case SectionKind::kMetrics: return scatter() + histogram();
      case SectionKind::kPrompts: return prompts();
      case SectionKind::kLayers: return layers();
      default: return "";
    }
  }

 private:
  std::string relative_error_axis() const { return std::string(words_.relative_error) + ", %"; }

  std::string prompts() const {
    std::vector<Bar> bars;
    for (const PromptPrecision& prompt : eval_.prompts) {
      const double error = prompt.metrics.avg_relative_error_pct;
      bars.push_back(
          {std::to_string(bars.size() + 1), fmt::format("{}: {:.3g}%", prompt.text, error), error});
    }
    return figure(words_.plot_prompts,
                  bar_plot({words_.plot_prompts, words_.prompt, relative_error_axis()}, bars));
  }

  std::string layers() const {
    std::vector<Line> lines = {{words_.relative_error, {}}, {words_.own_error, {}}};
    for (const LayerPrecision& each : eval_.explanation->layers) {
      lines[0].points.emplace_back(each.layer, each.relative_error_pct);
      lines[1].points.emplace_back(each.layer, each.own_relative_error_pct);
    }
    return figure(words_.plot_layers,
                  line_plot({words_.plot_layers, words_.layer, relative_error_axis()}, lines));
  }

  std::string scatter() const {
    if (eval_.scatter.empty()) return "";
    return figure(words_.plot_scatter,
                  scatter_plot({words_.plot_scatter, eval_.reference.spec, eval_.candidate.spec},
                               eval_.scatter));
  }

  std::string histogram() const {
    const DifferenceHistogram& all = eval_.histogram;
    const auto not_empty = [](std::int64_t count) { return count > 0; };
    const auto first = std::ranges::find_if(all.counts, not_empty);
    if (first == all.counts.end()) return "";
    const auto last = std::find_if(all.counts.rbegin(), all.counts.rend(), not_empty).base();
    std::int64_t total = all.num_equal;
    for (const std::int64_t count : all.counts) total += count;
    std::vector<HistogramBin> bins;
    for (auto at = first; at != last; ++at) {
      const auto bin = static_cast<int>(at - all.counts.begin());
      bins.push_back({histogram_bin_begin(bin), histogram_bin_begin(bin + 1),
                      static_cast<double>(*at) / static_cast<double>(total)});
    }
    return figure(
        words_.plot_histogram,
        histogram_plot({words_.plot_histogram, words_.axis_difference, words_.axis_share}, bins));
  }

  const PrecisionEval& eval_;
  const ReportWords& words_;
};

}  // namespace

std::string precision_html(const PrecisionEval& eval, ReportLanguage language) {
  const ReportWords& words = report_words(language);
  const std::string title =
      fmt::format("{}: {} vs {}", words.title, eval.candidate.spec, eval.reference.spec);
  std::string page = fmt::format(
      "<!DOCTYPE html>\n<html lang=\"{}\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<title>{}</title>\n<style>{}{}</style>\n</head>\n<body>\n<h1>{}</h1>\n"
      "<p class=\"verdict {}\">{}</p>\n",
      words.language, escape_html(title), kStyles, kPlotStyles, escape_html(title),
      eval.passed ? "passed" : "failed", escape_html(eval.verdict));
  const Plots plots(eval, words);
  for (const ReportSection& section : report_sections(eval, language)) {
    page += "<h2>" + escape_html(section.heading) + "</h2>\n";
    if (!section.note.empty()) page += "<p>" + escape_html(section.note) + "</p>\n";
    if (section.code.empty()) {
      page += table_text(section) + plots.of(section.kind);
    } else {
      page += "<pre>" + escape_html(section.code) + "</pre>\n";
    }
  }
  return page + "</body>\n</html>\n";
}

}  // namespace parapet
