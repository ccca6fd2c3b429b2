// A checkpoint's tokenizer and chat template: from conversations to token ids and back.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "parapet/error.h"
#include "parapet/export.h"
#include "parapet/types.h"

namespace parapet {

// Immutable after loading; every method may be called from many threads at once. One that was moved
// from can only be assigned to or destroyed.
class PARAPET_API ChatTokenizer {
 public:
  // Reads tokenizer.json, tokenizer_config.json and chat_template.jinja of a checkpoint folder. A
  // folder without a chat template loads; rendering then answers ErrorCode::kNotFound. Else
  // kNotFound, kCorrupt, kUnsupported or kIo.
  static Result<ChatTokenizer> load(const std::filesystem::path& directory);

  ChatTokenizer(ChatTokenizer&&) noexcept;
  ChatTokenizer& operator=(ChatTokenizer&&) noexcept;
  ~ChatTokenizer();

  // Encodes a text that its author answers for: special tokens spelled in it are special.
  std::vector<TokenId> encode(std::string_view text) const;
  // Encodes a text that a stranger wrote: no byte of it can become part of a special token.
  std::vector<TokenId> encode_untrusted(std::string_view text) const;

  struct Rendered {
    std::string text;  // UTF-8
    std::vector<TokenId> ids;
  };
  // Renders messages through the checkpoint's template, with the generation prompt, and encodes.
  // ErrorCode::kTemplate carries what the template itself refused. Any length is rendered: what
  // fits in a model is asked by the one that runs it.
  Result<Rendered> render(const Conversation& conversation,
                          TemplateTokens tokens = TemplateTokens::kTemplateOnly) const;
  // The same from JSON: a list of messages, or an object with "messages" and further variables of
  // the template ("tools", "enable_thinking"). What is not such JSON is refused.
  Result<Rendered> render_json(std::string_view request_json,
                               TemplateTokens tokens = TemplateTokens::kTemplateOnly,
                               bool add_generation_prompt = true) const;

  // The text of ids. Bytes that are not UTF-8 become U+FFFD, unknown ids nothing.
  std::string decode(const std::vector<TokenId>& ids, bool skip_special_tokens = false) const;
  // A token as the vocabulary spells it ("Ġmake"); empty for an unknown id.
  std::string piece(TokenId id) const;
  // One more than the largest id that encode() can give.
  std::int64_t vocab_size() const;

 private:
  friend class LoadedModel;
  struct Impl;
  explicit ChatTokenizer(std::unique_ptr<const Impl> impl);
  std::unique_ptr<const Impl> impl_;
};

}  // namespace parapet
