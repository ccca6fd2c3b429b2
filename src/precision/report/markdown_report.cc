// The report to paste: the published card's tables, with what this run measured.
#include <fmt/format.h>

#include "parapet/precision.h"
#include "precision/report/sections.h"
#include "precision/report/words.h"

namespace parapet {
namespace {

// A cell stays in its table, and what stands in it is text: prompts are anyone's words.
std::string escape_cell(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    switch (c) {
      case '|':
      case '\\':
      case '`':
      case '*':
      case '_':
      case '[':
      case '<': escaped += '\\'; break;
      default: break;
    }
    escaped += c >= 0 && c < ' ' ? ' ' : c;
  }
  return escaped;
}

std::string table_row(const std::vector<std::string>& cells) {
  std::string row = "|";
  for (const std::string& cell : cells) row.append(" ").append(escape_cell(cell)).append(" |");
  return row + "\n";
}

std::string section_text(const ReportSection& section) {
  std::string text = fmt::format("\n## {}\n\n", section.heading);
  if (!section.note.empty()) text += fmt::format("{}\n\n", section.note);
  if (!section.code.empty()) return text + fmt::format("```json\n{}\n```\n", section.code);
  text += table_row(section.columns) + "|";
  for (std::size_t i = 0; i < section.columns.size(); ++i) text += "---|";
  text += "\n";
  for (const auto& row : section.rows) text += table_row(row);
  return text;
}

}  // namespace

std::string precision_markdown(const PrecisionEval& eval, ReportLanguage language) {
  const ReportWords& words = report_words(language);
  std::string text = fmt::format(
      "# {}: {} vs {}\n\n{} **{}** · Token Agreement {:.4g}% · Cos Similarity {:.6f} · "
      "Pearson Correlation {:.6f}\n",
      words.title, eval.candidate.spec, eval.reference.spec, eval.passed ? "✅" : "❌",
      eval.passed ? words.passed : words.failed, eval.metrics.token_agreement_pct(),
      eval.metrics.avg_cosine, eval.metrics.pearson);
  for (const ReportSection& section : report_sections(eval, language)) {
    text += section_text(section);
  }
  return text;
}

}  // namespace parapet
