// Entries of an audit log as a table for people, as JSON lines, or as CSV.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "server/audit/reader.h"

namespace parapet::cli {

enum class AuditFormat : std::uint8_t { kTable, kJsonl, kCsv };

class AuditOutput {
 public:
  virtual ~AuditOutput() = default;
  virtual void print(const server::AuditRecord& record) = 0;
  // After the last one; `more` where the limit left some out.
  virtual void finish(bool more) = 0;
};
std::unique_ptr<AuditOutput> audit_output(AuditFormat format);

void print_stats(const server::AuditStats& stats, AuditFormat format);

// A field of a CSV file by RFC 4180. Strangers choose some of these texts, and a spreadsheet
// computes what begins with =, +, - or @: such a text gets an apostrophe in front.
std::string csv_text(std::string_view text);

}  // namespace parapet::cli
