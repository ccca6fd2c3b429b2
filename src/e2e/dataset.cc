#include "e2e/dataset.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <string_view>
#include <utility>

#include "base/check.h"
#include "base/file.h"
#include "base/json.h"
#include "base/quote.h"
#include "guard/taxonomy.h"

namespace parapet {
namespace {

constexpr std::size_t kMaxBytes = std::size_t{1} << 30;

Result<Conversation> read_messages(const JsonObject& row, const std::string& column) {
  PARAPET_ASSIGN(const JsonArray list, row.array(column));
  Conversation conversation;
  for (const JsonElement element : list) {
    PARAPET_ASSIGN(const JsonObject message,
                   JsonObject::open(row.where() + ": " + column, element));
    PARAPET_ASSIGN(const std::string_view role, message.string("role"));
    PARAPET_ASSIGN(const std::string_view content, message.string("content"));
    conversation.push_back({std::string(role), std::string(content)});
  }
  if (conversation.empty()) return row.error(ErrorCode::kInvalidArgument, column, "is empty");
  return conversation;
}

Result<Conversation> read_conversation(const JsonObject& row, const DatasetColumns& columns) {
  if (row.find(columns.messages)) return read_messages(row, columns.messages);
  PARAPET_ASSIGN(const std::string_view prompt, row.string(columns.prompt));
  PARAPET_ASSIGN(const std::string_view response, row.string_or(columns.response, ""));
  Conversation conversation{{"user", std::string(prompt)}};
  if (row.find(columns.response)) conversation.push_back({"assistant", std::string(response)});
  return conversation;
}

// Leaves out what is not to be judged.
Status cut_to_judged(const JsonObject& row, const DatasetColumns& columns,
                     Conversation& conversation) {
  const bool has_response = conversation.back().role == "assistant";
  if (columns.judged == Judged::kResponse && !has_response) {
    return row.error(ErrorCode::kInvalidArgument, columns.response,
                     "is missing, but the task says that responses are judged");
  }
  if (columns.judged != Judged::kPrompt || !has_response) return {};
  conversation.pop_back();
  if (!conversation.empty()) return {};
  return row.error(ErrorCode::kInvalidArgument, columns.messages, "has no prompt");
}

// As `labels` of a configuration spells it: 1, true, harmful.
std::string scalar_text(JsonElement value) {
  std::string_view text;
  if (value.get(text) == simdjson::SUCCESS) return std::string(text);
  return simdjson::minify(value);
}

Result<Safety> read_safety(const JsonObject& row, const DatasetColumns& columns) {
  const auto value = row.find(columns.safety);
  if (!value) return row.error(ErrorCode::kInvalidArgument, columns.safety, "is missing");
  const std::string text = scalar_text(*value);
  std::string expected;
  if (columns.labels.empty()) {
    for (const Safety safety : kAllSafety) {
      if (text == to_string(safety)) return safety;
    }
    expected = "Safe, Controversial or Unsafe; `labels` of the task can say what others mean";
  } else {
    const auto found = columns.labels.find(text);
    if (found != columns.labels.end()) return found->second;
    expected = "a value that `labels` of the task has";
  }
  return row.error(ErrorCode::kInvalidArgument, columns.safety,
                   quote(text) + " where " + expected + " is expected");
}

Result<std::optional<std::vector<std::string>>> read_categories(const JsonObject& row,
                                                                const std::string& column) {
  if (!row.find(column)) return std::optional<std::vector<std::string>>();
  PARAPET_ASSIGN(const JsonArray list, row.array(column));
  std::vector<std::string> categories;
  for (const JsonElement element : list) {
    std::string_view name;
    if (element.get(name) != simdjson::SUCCESS ||
        std::ranges::find(kCategoryNames, name) == kCategoryNames.end()) {
      return row.error(ErrorCode::kInvalidArgument, column,
                       quote(scalar_text(element)) + " is no category of the guard's");
    }
    categories.emplace_back(name);
  }
  return std::optional(std::move(categories));
}

Result<std::optional<bool>> read_refusal(const JsonObject& row, const std::string& column) {
  const auto value = row.find(column);
  if (!value) return std::optional<bool>();
  const std::string text = scalar_text(*value);
  if (text == "Yes" || text == "true") return std::optional(true);
  if (text == "No" || text == "false") return std::optional(false);
  return row.error(ErrorCode::kInvalidArgument, column,
                   quote(text) + " where Yes, No, true, false or null is expected");
}

Status read_row(const JsonObject& row, const DatasetColumns& columns, Dataset& dataset) {
  PARAPET_ASSIGN(Conversation conversation, read_conversation(row, columns));
  PARAPET_TRY(cut_to_judged(row, columns, conversation));
  GuardLabels labels;
  PARAPET_ASSIGN(labels.safety, read_safety(row, columns));
  PARAPET_ASSIGN(labels.categories, read_categories(row, columns.categories));
  PARAPET_ASSIGN(labels.refusal, read_refusal(row, columns.refusal));
  dataset.conversations.push_back(std::move(conversation));
  dataset.labels.push_back(std::move(labels));
  return {};
}

}  // namespace

Result<Dataset> read_dataset(const std::filesystem::path& file, const DatasetColumns& columns,
                             double limit) {
  PARAPET_ASSIGN(const std::string text, read_file(file, kMaxBytes));
  Dataset dataset;
  std::size_t line = 0;
  for (std::string_view rest = text; !rest.empty();) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view content = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    ++line;
    if (content.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    PARAPET_ASSIGN(const JsonDocument document,
                   JsonDocument::parse(file.string() + ":" + std::to_string(line), content));
    PARAPET_ASSIGN(const JsonObject row, document.object());
    PARAPET_TRY(read_row(row, columns, dataset));
  }
  if (dataset.labels.empty()) {
    return Error{ErrorCode::kInvalidArgument, file.string() + " has no conversations"};
  }
  if (limit > 0) {
    const auto all = static_cast<double>(dataset.labels.size());
    const double wanted = limit < 1 ? std::ceil(limit * all) : limit;
    const auto kept = static_cast<std::size_t>(std::min(wanted, all));
    dataset.conversations.resize(kept);
    dataset.labels.resize(kept);
  }
  return dataset;
}

}  // namespace parapet
