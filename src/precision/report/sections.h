// A report as headings and tables, before it is Markdown or HTML.
#pragma once

#include <string>
#include <vector>

#include "parapet/precision.h"

namespace parapet {

enum class SectionKind : std::uint8_t {
  kSetup,
  kMetrics,
  kPrompts,
  kSources,
  kLayers,
  kOperators,
  kSafety,
  kData,
};

struct ReportSection {
  SectionKind kind = SectionKind::kSetup;
  std::string heading;
  std::string note;  // a sentence under the heading, or none
  std::vector<std::string> columns;
  std::vector<std::vector<std::string>> rows;
  std::string code;  // JSON, instead of a table
};

// In the order of the published card; sections without content are left out.
std::vector<ReportSection> report_sections(const PrecisionEval& eval, ReportLanguage language);

}  // namespace parapet
