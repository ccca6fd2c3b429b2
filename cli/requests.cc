#include "requests.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

namespace parapet::cli {
namespace {

using nlohmann::json;

// Longer than any model's context; a bound, so that a stream without line breaks is not memory.
constexpr std::size_t kMaxLineBytes = std::size_t{16} << 20;

Error bad_line(std::int64_t line, const std::string& what) {
  return {ErrorCode::kInvalidArgument, fmt::format("line {}: {}", line, what)};
}

Result<std::string> text_field(const json& object, const char* key, std::int64_t line) {
  const auto field = object.find(key);
  if (field == object.end()) return bad_line(line, fmt::format("\"{}\" is missing", key));
  if (!field->is_string()) {
    return bad_line(line, fmt::format("\"{}\" is {}; expected a string", key, field->type_name()));
  }
  return field->get<std::string>();
}

Result<Conversation> from_messages(const json& messages, std::int64_t line) {
  if (!messages.is_array()) return bad_line(line, "\"messages\" is not a list");
  Conversation conversation;
  for (const json& message : messages) {
    if (!message.is_object()) return bad_line(line, "\"messages\" holds something not an object");
    auto role = text_field(message, "role", line);
    if (!role) return std::move(role).error();
    auto content = text_field(message, "content", line);
    if (!content) return std::move(content).error();
    conversation.push_back({std::move(*role), std::move(*content)});
  }
  if (conversation.empty()) return bad_line(line, "\"messages\" is empty");
  return conversation;
}

Result<Conversation> from_json(const std::string& text, std::int64_t line) {
  const json request = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (request.is_discarded()) return bad_line(line, "not valid JSON");
  if (!request.is_object()) {
    return bad_line(line,
                    "expected an object like {\"prompt\": \"...\", \"response\": \"...\"} or "
                    "{\"messages\": [...]}");
  }
  if (const auto messages = request.find("messages"); messages != request.end()) {
    return from_messages(*messages, line);
  }
  auto prompt = text_field(request, "prompt", line);
  if (!prompt) return std::move(prompt).error();
  Conversation conversation{{"user", std::move(*prompt)}};
  if (const auto response = request.find("response");
      response != request.end() && !response->is_null()) {
    auto text_of = text_field(request, "response", line);
    if (!text_of) return std::move(text_of).error();
    conversation.push_back({"assistant", std::move(*text_of)});
  }
  return conversation;
}

bool is_json_object(const std::string& text) {
  return json::parse(text, nullptr, /*allow_exceptions=*/false).is_object();
}

// A line without its end, cut at kMaxLineBytes; `too_long` tells whether it was. False at the end.
bool read_line(std::istream& input, std::string& text, bool& too_long) {
  text.clear();
  too_long = false;
  int next = input.get();
  if (next == std::char_traits<char>::eof()) return false;
  for (; next != std::char_traits<char>::eof() && next != '\n'; next = input.get()) {
    if (text.size() < kMaxLineBytes) {
      text.push_back(static_cast<char>(next));
    } else {
      too_long = true;
    }
  }
  if (!text.empty() && text.back() == '\r') text.pop_back();
  return true;
}

}  // namespace

std::optional<Request> RequestReader::next() {
  std::string text;
  bool too_long = false;
  do {
    if (!read_line(input_, text, too_long)) return std::nullopt;
    ++line_;
  } while (text.find_first_not_of(" \t") == std::string::npos);
  if (too_long) {
    return Request{line_, bad_line(line_, fmt::format("longer than {} bytes", kMaxLineBytes))};
  }
  if (format_ == InputFormat::kAuto) {
    format_ = is_json_object(text) ? InputFormat::kJsonl : InputFormat::kLines;
  }
  if (format_ == InputFormat::kJsonl) return Request{line_, from_json(text, line_)};
  return Request{line_, Conversation{{"user", std::move(text)}}};
}

}  // namespace parapet::cli
