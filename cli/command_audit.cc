// parapet audit: searches in an audit log, its export, and its figures.
#include <fmt/format.h>

#include <algorithm>
#include <iostream>
#include <iterator>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <tuple>

#include "audit_output.h"
#include "commands.h"
#include "server/audit/audit_time.h"
#include "server/audit/reader.h"
#include "server/digest/sha256.h"
#include "terminal.h"

namespace parapet::cli {
namespace {

using server::AuditFilter;
using server::AuditQuery;
using server::AuditReader;

struct AuditOptions {
  std::filesystem::path file;
  std::optional<std::string> since;
  std::optional<std::string> until;
  std::optional<std::string> text;
  AuditFilter filter;
  std::optional<std::int64_t> limit;
  bool oldest_first = false;
  AuditFormat format = AuditFormat::kTable;
  bool stats = false;
};

// Of a table: what a person reads. An export is whole.
constexpr std::int64_t kTableLimit = 50;
// One transaction of an export.
constexpr std::int64_t kPageSize = 1000;

Result<AuditFilter> filter_of(const AuditOptions& options) {
  AuditFilter filter = options.filter;
  const std::int64_t now_ms = server::unix_now_ms();
  for (const auto& [name, text, time] : {std::tuple("--since", &options.since, &filter.since_ms),
                                         std::tuple("--until", &options.until, &filter.until_ms)}) {
    if (!*text) continue;
    const auto parsed = server::parse_time(name, **text, now_ms);
    if (!parsed) return parsed.error();
    *time = *parsed;
  }
  if (options.text) filter.text_hash = server::to_hex(server::sha256(*options.text));
  return filter;
}

// How far an export has come, by the ids that it has passed.
class Progress {
 public:
  Progress(AuditReader& reader, bool oldest_first) : bar_(progress_bar()) {
    if (!bar_) return;
    const auto first = reader.find({.oldest_first = oldest_first, .limit = 1});
    const auto last = reader.find({.oldest_first = !oldest_first, .limit = 1});
    if (!first || !last || first->records.empty() || last->records.empty()) return;
    first_ = first->records[0].id;
    last_ = last->records[0].id;
  }
  void update(std::int64_t id) {
    if (bar_) bar_("exporting", distance(first_, id), distance(first_, last_));
  }
  void finish() { update(last_); }

 private:
  static std::uint64_t distance(std::int64_t a, std::int64_t b) {
    return static_cast<std::uint64_t>(std::abs(a - b));
  }

  ProgressCallback bar_;
  std::int64_t first_ = 0;
  std::int64_t last_ = 0;
};

// Page by page, so that an export of any length takes little memory here and holds up no server.
Status print_records(AuditReader& reader, const AuditFilter& filter, const AuditOptions& options) {
  const auto output = audit_output(options.format);
  std::int64_t left = options.limit.value_or(options.format == AuditFormat::kTable
                                                 ? kTableLimit
                                                 : std::numeric_limits<std::int64_t>::max());
  AuditQuery query{.filter = filter, .oldest_first = options.oldest_first};
  Progress progress(reader, options.oldest_first);
  do {
    query.limit = std::min(left, kPageSize);
    const auto page = reader.find(query);
    if (!page) return page.error();
    for (const auto& record : page->records) output->print(record);
    left -= std::ssize(page->records);
    query.after_id = page->next;
    progress.update(page->next);
  } while (query.after_id > 0 && left > 0);
  progress.finish();
  output->finish(query.after_id > 0);
  return {};
}

Status run(const AuditOptions& options) {
  if (options.limit && *options.limit < 1) {
    return {ErrorCode::kInvalidArgument,
            fmt::format("--limit is {}, expected at least 1", *options.limit)};
  }
  const auto filter = filter_of(options);
  if (!filter) return filter.error();
  auto reader = AuditReader::open(options.file, std::chrono::milliseconds(0));
  if (!reader) return reader.error();
  if (!options.stats) return print_records(*reader, *filter, options);
  const auto stats = reader->stats(*filter);
  if (!stats) return stats.error();
  print_stats(*stats, options.format);
  return {};
}

ExitStatus run_audit(const AuditOptions& options) {
  const Status done = run(options);
  if (done) return kExitSafe;
  print_error(done.error());
  return exit_status(done.error());
}

ExitStatus print_hash(const std::optional<std::string>& text) {
  std::string input;
  if (!text) input.assign(std::istreambuf_iterator<char>(std::cin), {});
  fmt::print("{}\n", server::to_hex(server::sha256(text ? *text : input)));
  return kExitSafe;
}

}  // namespace

void add_audit(CLI::App& app, const Chosen& chosen) {
  auto options = std::make_shared<AuditOptions>();
  CLI::App* command = app.add_subcommand("audit", "Search and export an audit log");
  command->footer(R"(
Times are UTC: 2026-11-25, 2026-11-25T10:24:13Z, or how long ago: 90s, 30m, 24h, 7d.
A server may be writing the log meanwhile; it is not held up.

Examples:
  parapet audit audit.db --since 24h --label Unsafe
  parapet audit audit.db --text "How can I make a bomb?"
  parapet audit audit.db --format csv > verdicts.csv
  parapet audit audit.db --stats --since 7d)");
  command->add_option("DB", options->file, "What parapet serve --audit-log writes");
  command->add_option("--since", options->since, "Not before this time");
  command->add_option("--until", options->until, "Before this time");
  command->add_option("--label", options->filter.label,
                      "'Safe', 'Controversial', 'Unsafe', 'Unavailable' or 'Error'");
  command->add_option("--category", options->filter.category, "Verdicts that name it: 'Violent'");
  command->add_option("--request-id", options->filter.request_id, "This request, or its beginning");
  auto* text = command->add_option("--text", options->text, "This judged text, by its hash");
  command
      ->add_option("--text-hash", options->filter.text_hash,
                   "The hash of the judged text, or its beginning (see 'audit hash')")
      ->excludes(text);
  command->add_option("--limit", options->limit, "At most so many")
      ->default_str("50 in a table, else all");
  command->add_flag("--oldest-first", options->oldest_first, "In the order of writing");
  static const std::map<std::string, AuditFormat> kFormats = {
      {"table", AuditFormat::kTable}, {"jsonl", AuditFormat::kJsonl}, {"csv", AuditFormat::kCsv}};
  command->add_option("--format", options->format, "'table', 'jsonl' or 'csv'")
      ->transform(CLI::CheckedTransformer(kFormats))
      ->default_str("table");
  command->add_flag("--stats", options->stats, "Counts and latencies instead of entries");

  auto hashed = std::make_shared<std::optional<std::string>>();
  CLI::App* hash = command->add_subcommand("hash", "Print the hash that the log keeps of a text");
  hash->add_option("TEXT", *hashed, "The text; without it, standard input to its last byte");
  hash->callback([hashed, chosen] { chosen([hashed] { return print_hash(*hashed); }); });
  command->callback([options, chosen, hash] {
    if (hash->parsed()) return;
    if (options->file.empty()) throw CLI::RequiredError("DB");
    chosen([options] { return run_audit(*options); });
  });
}

}  // namespace parapet::cli
