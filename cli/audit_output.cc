#include "audit_output.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "server/audit/audit_json.h"
#include "server/audit/audit_time.h"
#include "server/audit/schema.h"
#include "terminal.h"

namespace parapet::cli {
namespace {

using server::AuditEntry;
using server::AuditRecord;
using server::AuditStats;

Color color_of(std::string_view label) {
  if (label == "Safe") return Color::kGreen;
  return label == "Controversial" ? Color::kYellow : Color::kRed;
}

class TableOutput final : public AuditOutput {
 public:
  TableOutput() {
    std::vector<Cell> head;
    for (const char* word : {"time (UTC)", "request", "kind", "label", "categories",
                             "P safe/contr./unsafe", "ms", "text or its hash"}) {
      head.push_back({word, Color::kBold});
    }
    table_.print(head);
  }

  void print(const AuditRecord& record) override {
    const AuditEntry& entry = record.entry;
    const auto& p = entry.probabilities;
    table_.print(
        {{server::format_time(entry.time_ms)},
         {entry.request_id},
         {entry.is_response ? "response" : "prompt"},
         {entry.label, color_of(entry.label)},
         {entry.error ? *entry.error : fmt::format("{}", fmt::join(entry.categories, ", "))},
         {p ? fmt::format("{:.3f} / {:.3f} / {:.3f}", p->safe, p->controversial, p->unsafe) : ""},
         {fmt::format("{:.1f}", entry.latency_ms)},
         {entry.text ? *entry.text : entry.text_hash.value_or("")}});
    ++count_;
  }

  void finish(bool more) override {
    fmt::print("{} entries{}\n", count_, more ? "; there are more: --limit, or --since" : "");
  }

 private:
  const Table table_{{24, 24, 8, 13, 34, 22, 8, 40}};
  std::int64_t count_ = 0;
};

class JsonlOutput final : public AuditOutput {
 public:
  void print(const AuditRecord& record) override {
    fmt::print("{}\n", server::dump_json(server::record_json(record)));
  }
  void finish(bool /*more*/) override {}
};

class CsvOutput final : public AuditOutput {
 public:
  CsvOutput() {
    fmt::print(
        "schema,id,time,request_id,model,policy_hash,kind,text_hash,text,label,categories,refusal,"
        "p_safe,p_controversial,p_unsafe,label_mass,latency_ms,error\r\n");
  }

  void print(const AuditRecord& record) override {
    const AuditEntry& entry = record.entry;
    const auto& p = entry.probabilities;
    const std::string refusal = !entry.refusal ? "" : (*entry.refusal ? "Yes" : "No");
    fmt::print(
        "{},{},{},{},{},{},{},{},{},{},{},{},{},{},{}\r\n", server::kSchemaVersion, record.id,
        server::format_time(entry.time_ms), csv_text(entry.request_id), csv_text(entry.model),
        csv_text(entry.policy_hash), entry.is_response ? "response" : "prompt",
        entry.text_hash.value_or(""), csv_text(entry.text.value_or("")), entry.label,
        csv_text(fmt::format("{}", fmt::join(entry.categories, "; "))), refusal,
        p ? fmt::format("{},{},{},{}", p->safe, p->controversial, p->unsafe, p->label_mass) : ",,,",
        entry.latency_ms, csv_text(entry.error.value_or("")));
  }
  void finish(bool /*more*/) override {}
};

void print_stats_row(const Table& table, std::string_view name, const std::string& value) {
  table.print({{std::string(name), Color::kDim}, {value}});
}

void print_shares(const Table& table, const AuditStats& stats,
                  const std::vector<std::pair<std::string, std::int64_t>>& counts) {
  for (const auto& [name, count] : counts) {
    const double share = 100 * static_cast<double>(count) / static_cast<double>(stats.entries);
    print_stats_row(table, name, fmt::format("{:>10}  {:5.1f}%", count, share));
  }
}

}  // namespace

std::unique_ptr<AuditOutput> audit_output(AuditFormat format) {
  switch (format) {
    case AuditFormat::kJsonl: return std::make_unique<JsonlOutput>();
    case AuditFormat::kCsv: return std::make_unique<CsvOutput>();
    case AuditFormat::kTable: break;
  }
  return std::make_unique<TableOutput>();
}

void print_stats(const AuditStats& stats, AuditFormat format) {
  if (format == AuditFormat::kJsonl) {
    fmt::print("{}\n", server::dump_json(server::stats_json(stats)));
    return;
  }
  const Table table({30, 60});
  print_stats_row(table, "entries", std::to_string(stats.entries));
  if (stats.entries == 0) return;
  print_stats_row(table, "first", server::format_time(*stats.first_ms));
  print_stats_row(table, "last", server::format_time(*stats.last_ms));
  print_stats_row(table, "latency p50, p99",
                  fmt::format("{:.1f} ms, {:.1f} ms", stats.latency_ms_p50, stats.latency_ms_p99));
  print_shares(table, stats, stats.labels);
  print_shares(table, stats, stats.categories);
  print_shares(table, stats, {{"refused by the assistant", stats.refusals}});
}

std::string csv_text(std::string_view text) {
  if (text.empty()) return {};
  std::string field;
  // A spreadsheet takes these for a formula, or drops them and looks at what follows.
  if (std::string_view("=+-@\t\r\n").find(text.front()) != std::string_view::npos) field += '\'';
  field += text;
  if (field.find_first_of(",\"\r\n") == std::string::npos) return field;
  std::string quoted = "\"";
  for (const char c : field) quoted.append(c == '"' ? 2 : 1, c);
  return quoted + '"';
}

}  // namespace parapet::cli
