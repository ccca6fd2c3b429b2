#include "audit_flags.h"

#include <map>
#include <utility>

namespace parapet::cli {

using server::AuditSink;
using server::AuditText;
using server::Durability;

void add_audit_flags(CLI::App& command, AuditFlags& flags) {
  auto add = [&command](const char* name, auto& value, const char* help) {
    return command.add_option(name, value, help)->group("Audit log");
  };
  add("--audit-log", flags.options.file,
      "Write every verdict to this SQLite file before it is answered");
  static const std::map<std::string, AuditText> kTexts = {
      {"none", AuditText::kNone}, {"hash", AuditText::kHash}, {"full", AuditText::kFull}};
  add("--audit-text", flags.text, "What is kept of the judged text: 'none', 'hash' or 'full'")
      ->transform(CLI::CheckedTransformer(kTexts))
      ->default_str("hash");
  add("--audit-retention-days", flags.options.retention_days,
      "Delete entries that are older; 0: keep them")
      ->capture_default_str();
  add("--audit-max-bytes", flags.options.max_bytes,
      "Delete the oldest entries of a file that would be larger; 0: no limit")
      ->capture_default_str();
  static const std::map<std::string, Durability> kDurabilities = {{"process", Durability::kProcess},
                                                                  {"power", Durability::kPower}};
  add("--audit-durability", flags.options.durability,
      "What an answered verdict's entry survives: 'process', the end of the server, kill -9 too; "
      "'power', a loss of power, as every batch waits for the disk")
      ->transform(CLI::CheckedTransformer(kDurabilities))
      ->default_str("process");
}

Result<std::unique_ptr<AuditSink>> open_audit_log(
    AuditFlags flags, std::function<void(const std::string& line)> on_trouble) {
  if (flags.options.file.empty()) return std::unique_ptr<AuditSink>();
  flags.options.on_trouble = std::move(on_trouble);
  return AuditSink::open(std::move(flags.options), flags.text);
}

}  // namespace parapet::cli
