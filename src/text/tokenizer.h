// Hugging Face tokenizer.json: byte-level BPE, exactly as the reference implementation encodes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/origin_text.h"
#include "parapet/error.h"

namespace parapet {

using TokenId = std::int32_t;

class Tokenizer {
 public:
  // Reads DIR/tokenizer.json. Models, normalizers, pre-tokenizers and decoders other than those
  // documented in docs/tokenizer.md are refused by name.
  static Result<Tokenizer> load(const std::filesystem::path& directory);
  // The same from the text of a tokenizer.json; `name` stands in errors.
  static Result<Tokenizer> parse(std::string name, std::string_view json);

  Tokenizer(Tokenizer&&) noexcept;
  Tokenizer& operator=(Tokenizer&&) noexcept;
  ~Tokenizer();

  // Token ids of a text. Added tokens are recognised only in bytes of Origin::kTemplate; a text
  // wholly of Origin::kTemplate therefore encodes as Hugging Face encodes it (without
  // add_special_tokens, which byte-level checkpoints do not use), and no byte of Origin::kMessage
  // can ever be part of an added token. Invalid UTF-8 is replaced first, by U+FFFD per maximal
  // invalid subpart (Unicode 15, section 3.9). Each run of one origin is repaired and normalized
  // by itself, so that neither side can change the other's characters; words and merges go across.
  // Time is linear in the length of the text, but for n log n inside a word without end.
  std::vector<TokenId> encode(const OriginText& text) const;
  // The same for a text of one origin.
  std::vector<TokenId> encode(std::string_view text, Origin origin) const;

  // The text of ids, invalid UTF-8 replaced by U+FFFD as Hugging Face does. Ids out of range are
  // skipped, as there.
  std::string decode(const std::vector<TokenId>& ids, bool skip_special_tokens = false) const;

  // The token as the vocabulary spells it ("Ġmake"), a normalized added token in its normal form;
  // empty for an unknown id.
  std::string piece(TokenId id) const;
  // The bytes that the token stands for; may be part of a UTF-8 character.
  std::string token_bytes(TokenId id) const;
  std::optional<TokenId> token_id(std::string_view piece) const;
  bool is_special(TokenId id) const;
  // Whether the id stands in added_tokens, special or not.
  bool is_added(TokenId id) const;

  // One past the largest id, added tokens included.
  std::int64_t vocab_size() const;

 private:
  struct Impl;
  explicit Tokenizer(std::unique_ptr<const Impl> impl);
  std::unique_ptr<const Impl> impl_;
};

// Text of a token stream as it grows: bytes of an unfinished UTF-8 character are held back until
// it is whole or can no longer become so. All pieces together are what decode() gives.
class IncrementalDecoder {
 public:
  explicit IncrementalDecoder(const Tokenizer& tokenizer, bool skip_special_tokens = false);

  // The text that became certain with this token; often empty in the middle of a character.
  std::string push(TokenId id);
  // What is left, with U+FFFD for what never became a character.
  std::string finish();

 private:
  const Tokenizer* tokenizer_;
  bool skip_special_tokens_;
  std::string pending_;
};

}  // namespace parapet
