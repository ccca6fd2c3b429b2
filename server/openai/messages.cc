#include "server/openai/messages.h"

#include <utility>

namespace parapet::server {
namespace {

std::optional<std::string> text_of_part(const Json& part) {
  if (part.is_string()) return part.get<std::string>();
  if (!part.is_object()) return std::nullopt;
  const auto type = part.find("type");
  const auto text = part.find("text");
  if (type == part.end() || !type->is_string() || text == part.end() || !text->is_string()) {
    return std::nullopt;
  }
  const auto& name = type->get_ref<const std::string&>();
  if (name != "text" && name != "input_text" && name != "output_text") return std::nullopt;
  return text->get<std::string>();
}

}  // namespace

std::optional<std::string> read_content(const Json& content) {
  if (content.is_string()) return content.get<std::string>();
  if (!content.is_array() || content.empty()) return std::nullopt;
  std::string joined;
  for (const Json& part : content) {
    const auto text = text_of_part(part);
    if (!text) return std::nullopt;
    if (&part != &content.front()) joined += '\n';
    joined += *text;
  }
  return joined;
}

Conversation read_message_list(const Json& list, const std::string& path, std::int64_t most,
                               std::optional<ApiError>& error) {
  Conversation conversation;
  const auto fail = [&](const std::string& where, const std::string& what) {
    error = ApiError{.message = where + " must be " + what, .param = where};
    return Conversation();
  };
  if (!list.is_array() || list.empty() || static_cast<std::int64_t>(list.size()) > most) {
    return fail(path, "a list of 1 to " + std::to_string(most) + " messages");
  }
  for (std::size_t i = 0; i < list.size(); ++i) {
    const std::string where = path + "[" + std::to_string(i) + "]";
    const Json& message = list[i];
    if (!message.is_object()) return fail(where, "an object with role and content");
    const auto role = message.find("role");
    if (role == message.end() || !role->is_string()) return fail(where + ".role", "a string");
    for (const char* calls : {"tool_calls", "function_call"}) {
      const auto found = message.find(calls);
      if (found != message.end() && !found->is_null() && !found->empty()) {
        return fail(where + "." + calls, "absent: calls of tools are not judged");
      }
    }
    const auto content = message.find("content");
    const auto text = content == message.end() ? std::nullopt : read_content(*content);
    if (!text) return fail(where + ".content", "a string or a list of text parts");
    conversation.push_back({role->get<std::string>(), *text});
  }
  return conversation;
}

Json messages_json(const Conversation& conversation) {
  Json messages = Json::array();
  for (const Message& message : conversation) {
    messages.push_back({{"role", message.role}, {"content", message.content}});
  }
  return messages;
}

Conversation read_messages(Fields& fields, std::string_view name, std::int64_t most) {
  const Json* list = fields.find(name);
  if (list == nullptr) {
    fields.fail(name, std::string(name) + " must be a list of messages");
    return {};
  }
  std::optional<ApiError> error;
  Conversation conversation = read_message_list(*list, fields.path(name), most, error);
  if (error) fields.fail(std::move(*error));
  return conversation;
}

}  // namespace parapet::server
