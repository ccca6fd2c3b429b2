#include "parapet/chat_tokenizer.h"

#include <nlohmann/json.hpp>

#include "api/boundary.h"
#include "api/chat_tokenizer_impl.h"
#include "base/check.h"

namespace parapet {
namespace {

// OpenAI's messages as the template's variables. Invalid UTF-8 becomes U+FFFD here, before anyone
// judges it.
std::string to_request_json(const Conversation& conversation) {
  nlohmann::ordered_json messages = nlohmann::ordered_json::array();
  for (const Message& message : conversation) {
    messages.push_back({{"role", message.role}, {"content", message.content}});
  }
  return nlohmann::ordered_json{{"messages", std::move(messages)}}.dump(
      -1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

bool is_json_list(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  return first != std::string_view::npos && text[first] == '[';
}

}  // namespace

ChatTokenizer::ChatTokenizer(std::unique_ptr<const Impl> impl) : impl_(std::move(impl)) {}
ChatTokenizer::ChatTokenizer(ChatTokenizer&&) noexcept = default;
ChatTokenizer& ChatTokenizer::operator=(ChatTokenizer&&) noexcept = default;
ChatTokenizer::~ChatTokenizer() = default;

Result<ChatTokenizer> ChatTokenizer::load(const std::filesystem::path& directory) {
  PARAPET_ASSIGN(Tokenizer tokenizer, Tokenizer::load(directory));
  return ChatTokenizer(
      std::make_unique<const Impl>(Impl{std::move(tokenizer), ChatTemplate::load(directory)}));
}

std::vector<TokenId> ChatTokenizer::encode(std::string_view text) const {
  return impl_->tokenizer.encode(text, Origin::kTemplate);
}

std::vector<TokenId> ChatTokenizer::encode_untrusted(std::string_view text) const {
  return impl_->tokenizer.encode(text, Origin::kMessage);
}

Result<ChatTokenizer::Rendered> ChatTokenizer::render(const Conversation& conversation,
                                                      TemplateTokens tokens) const {
  return render_json(to_request_json(conversation), tokens);
}

Result<ChatTokenizer::Rendered> ChatTokenizer::render_json(std::string_view request_json,
                                                           TemplateTokens tokens,
                                                           bool add_generation_prompt) const {
  if (!impl_->chat_template) return impl_->chat_template.error();
  std::string wrapped;
  if (is_json_list(request_json)) {
    wrapped.append("{\"messages\":").append(request_json).append("}");
    request_json = wrapped;
  }
  return guarded([&]() -> Result<Rendered> {
    PARAPET_ASSIGN(const OriginText text,
                   impl_->chat_template->render(request_json, add_generation_prompt));
    return Rendered{text.text(), tokens == TemplateTokens::kHuggingFace
                                     ? impl_->tokenizer.encode(text.text(), Origin::kTemplate)
                                     : impl_->tokenizer.encode(text)};
  });
}

std::string ChatTokenizer::decode(const std::vector<TokenId>& ids, bool skip_special_tokens) const {
  return impl_->tokenizer.decode(ids, skip_special_tokens);
}

std::string ChatTokenizer::piece(TokenId id) const { return impl_->tokenizer.piece(id); }

std::int64_t ChatTokenizer::vocab_size() const { return impl_->tokenizer.vocab_size(); }

}  // namespace parapet
