// A checkpoint's own chat template, rendered as Hugging Face renders it, with origins kept.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/origin_text.h"
#include "parapet/error.h"

namespace parapet {

// What is wrong with a template stands in Error::message with its line number.
class ChatTemplate {
 public:
  // DIR/chat_template.jinja, else the chat_template of DIR/tokenizer_config.json (a string, or the
  // entry named "default" of a list). bos_token, eos_token and the like come from
  // tokenizer_config.json and are of Origin::kTemplate.
  static Result<ChatTemplate> load(const std::filesystem::path& directory);
  // From source text; `name` stands in errors.
  static Result<ChatTemplate> parse(std::string name, std::string_view source);

  ChatTemplate(ChatTemplate&&) noexcept;
  ChatTemplate& operator=(ChatTemplate&&) noexcept;
  ~ChatTemplate();

  // Renders the messages of `request_json`: an object with "messages" (a list of objects with
  // "role" and "content", as OpenAI has them) and optionally "tools", "documents" and any other
  // variable of the template ("enable_thinking": false). All of it is of Origin::kMessage.
  // Rendering is bounded in steps, depth and output; exceeding a bound is ErrorCode::kTemplate.
  Result<OriginText> render(std::string_view request_json, bool add_generation_prompt = true) const;

 private:
  struct Impl;
  explicit ChatTemplate(std::unique_ptr<const Impl> impl);
  std::unique_ptr<const Impl> impl_;
};

}  // namespace parapet
