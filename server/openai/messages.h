// OpenAI's messages: text, or parts of text.
#pragma once

#include <string>

#include "parapet/types.h"
#include "server/json/fields.h"
#include "server/json/json.h"

namespace parapet::server {

// The list in field `name`, which must be there and hold 1 to `most` messages. Images, sound and
// calls of tools are refused: a guard that passes over them would judge what it has not seen.
Conversation read_messages(Fields& fields, std::string_view name, std::int64_t most);
// The same of a list that stands elsewhere; `path` names it in errors.
Conversation read_message_list(const Json& list, const std::string& path, std::int64_t most,
                               std::optional<ApiError>& error);
// As the chat template takes them.
Json messages_json(const Conversation& conversation);
// A string, or a list of {"type": "text", "text"}, joined by line ends.
std::optional<std::string> read_content(const Json& content);

}  // namespace parapet::server
