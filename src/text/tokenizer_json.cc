#include "text/tokenizer_json.h"

#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "base/check.h"
#include "base/quote.h"
#include "text/normalizer.h"
#include "text/tokenizer_json_model.h"

namespace parapet {
namespace {

constexpr std::size_t kMaxAddedTokenBytes = 512;  // bounds the search at each byte of a text

Error unsupported_type(const JsonObject& object, std::string_view type, std::string_view expected) {
  return object.error(ErrorCode::kUnsupported, "type",
                      quote(type) + " is not supported; expected " + std::string(expected));
}

Status expect_type(const JsonObject& object, std::string_view expected) {
  PARAPET_ASSIGN(const std::string_view type, object.string("type"));
  if (type != expected) return unsupported_type(object, type, quote(expected));
  return {};
}

// What the reference would do before or after encoding, and we do not.
Status refuse_truncation_and_padding(const JsonObject& root) {
  for (const char* key : {"truncation", "padding"}) {
    if (root.find(key)) {
      return root.error(ErrorCode::kUnsupported, key, "is not supported; expected null");
    }
  }
  return {};
}

Result<bool> read_normalizer(const JsonObject& root) {
  if (!root.find("normalizer")) return false;
  PARAPET_ASSIGN(const JsonObject normalizer, root.object("normalizer"));
  PARAPET_TRY(expect_type(normalizer, "NFC"));
  return true;
}

Status check_byte_level(const JsonObject& step) {
  PARAPET_TRY(expect_type(step, "ByteLevel"));
  for (const char* key : {"add_prefix_space", "use_regex"}) {
    PARAPET_ASSIGN(const bool flag, step.boolean_or(key, true));  // the reference's defaults
    if (flag) {
      return step.error(ErrorCode::kUnsupported, key, "true is not supported; expected false");
    }
  }
  return {};
}

Result<SplitPattern> read_split(const JsonObject& step) {
  PARAPET_TRY(expect_type(step, "Split"));
  PARAPET_ASSIGN(const std::string_view behavior, step.string("behavior"));
  if (behavior != "Isolated") {
    return step.error(ErrorCode::kUnsupported, "behavior",
                      quote(behavior) + " is not supported; expected \"Isolated\"");
  }
  PARAPET_ASSIGN(const bool invert, step.boolean_or("invert", false));
  if (invert) {
    return step.error(ErrorCode::kUnsupported, "invert", "true is not supported; expected false");
  }
  PARAPET_ASSIGN(const JsonObject pattern, step.object("pattern"));
  PARAPET_ASSIGN(const std::string_view regex, pattern.string("Regex"));
  const auto split = SplitPattern::from_regex(regex);
  if (!split) {
    return pattern.error(ErrorCode::kUnsupported, "Regex",
                         quote(regex) +
                             " is not supported; expected the pattern of Qwen2 or of "
                             "Llama 3 (docs/tokenizer.md)");
  }
  return *split;
}

Result<SplitPattern> read_pre_tokenizer(const JsonObject& root) {
  PARAPET_ASSIGN(const JsonObject sequence, root.object("pre_tokenizer"));
  PARAPET_TRY(expect_type(sequence, "Sequence"));
  PARAPET_ASSIGN(const JsonArray steps, sequence.array("pretokenizers"));
  if (steps.size() != 2) {
    return sequence.error(ErrorCode::kUnsupported, "pretokenizers",
                          std::to_string(steps.size()) + " steps; expected Split and ByteLevel");
  }
  const std::string where = sequence.where() + ": pretokenizers: ";
  PARAPET_ASSIGN(const JsonObject first, JsonObject::open(where + "0", steps.at(0).value_unsafe()));
  PARAPET_ASSIGN(const JsonObject second,
                 JsonObject::open(where + "1", steps.at(1).value_unsafe()));
  PARAPET_TRY(check_byte_level(second));
  return read_split(first);
}

// A ByteLevel post-processor only trims offsets, which we do not give.
Status check_output_side(const JsonObject& root) {
  if (root.find("post_processor")) {
    PARAPET_ASSIGN(const JsonObject post_processor, root.object("post_processor"));
    PARAPET_TRY(expect_type(post_processor, "ByteLevel"));
  }
  PARAPET_ASSIGN(const JsonObject decoder, root.object("decoder"));
  return expect_type(decoder, "ByteLevel");
}

Result<AddedToken> read_added_token(const JsonObject& entry) {
  AddedToken token;
  PARAPET_ASSIGN(const std::int64_t id, entry.integer("id"));
  if (id < 0 || id >= kMaxTokenIds) {
    return entry.error(ErrorCode::kCorrupt, "id",
                       std::to_string(id) + "; expected 0 to " + std::to_string(kMaxTokenIds - 1));
  }
  token.id = static_cast<TokenId>(id);
  PARAPET_ASSIGN(token.content, entry.string("content"));
  if (token.content.empty() || token.content.size() > kMaxAddedTokenBytes) {
    return entry.error(ErrorCode::kCorrupt, "content",
                       std::to_string(token.content.size()) + " bytes; expected 1 to " +
                           std::to_string(kMaxAddedTokenBytes));
  }
  PARAPET_ASSIGN(token.special, entry.boolean("special"));
  PARAPET_ASSIGN(token.normalized, entry.boolean("normalized"));
  PARAPET_ASSIGN(token.single_word, entry.boolean("single_word"));
  PARAPET_ASSIGN(token.lstrip, entry.boolean("lstrip"));
  PARAPET_ASSIGN(token.rstrip, entry.boolean("rstrip"));
  return token;
}

// The reference numbers added tokens itself: by the vocabulary where that holds the content, else
// from its end on. A file that says otherwise would mean different ids to different readers.
class AddedTokenIds {
 public:
  explicit AddedTokenIds(const Vocabulary& vocabulary)
      : vocabulary_(vocabulary), next_(static_cast<TokenId>(vocabulary.count())) {}

  Status check(const JsonObject& entry, const AddedToken& token) {
    const auto known = vocabulary_.find_spelling(token.content);
    const TokenId expected = known.value_or(next_);
    if (token.id != expected) {
      return entry.error(ErrorCode::kCorrupt, "id",
                         std::to_string(token.id) + " of " + quote(token.content) + "; expected " +
                             std::to_string(expected) +
                             (known ? ", its id in the vocabulary"
                                    : ", as added tokens follow the vocabulary without gaps"));
    }
    if (!known && vocabulary_.contains(token.id)) {
      return entry.error(ErrorCode::kCorrupt, "id",
                         std::to_string(token.id) + " of " + quote(token.content) +
                             " is taken by " + quote(vocabulary_.spelling(token.id)) +
                             " of the vocabulary");
    }
    if (known && vocabulary_.bytes(*known).size() == 1) {
      return entry.error(ErrorCode::kUnsupported, "content",
                         quote(token.content) +
                             " is also the vocabulary's token of a single "
                             "byte, without which messages cannot be written");
    }
    next_ = std::max(next_, token.id + 1);
    return {};
  }

 private:
  const Vocabulary& vocabulary_;
  TokenId next_;
};

Result<std::vector<AddedToken>> read_added_tokens(const JsonObject& root,
                                                  const Vocabulary& vocabulary) {
  std::vector<AddedToken> tokens;
  if (!root.find("added_tokens")) return tokens;
  PARAPET_ASSIGN(const JsonArray entries, root.array("added_tokens"));
  AddedTokenIds ids(vocabulary);
  std::set<std::string_view> contents;
  for (const JsonElement element : entries) {
    const std::string where = root.where() + ": added_tokens: " + std::to_string(tokens.size());
    PARAPET_ASSIGN(const JsonObject entry, JsonObject::open(where, element));
    PARAPET_ASSIGN(AddedToken token, read_added_token(entry));
    if (!contents.insert(element["content"].get_string().value_unsafe()).second) {
      return entry.error(ErrorCode::kCorrupt, "content", quote(token.content) + " stands twice");
    }
    PARAPET_TRY(ids.check(entry, token));
    tokens.push_back(std::move(token));
  }
  return tokens;
}

// Normalized tokens are looked for as their normal forms, which must differ like the contents.
Status check_normal_forms(const JsonObject& root, const std::vector<AddedToken>& tokens) {
  std::set<std::string> forms;
  for (const AddedToken& token : tokens) {
    if (token.normalized && !forms.insert(to_nfc(token.content)).second) {
      return root.error(ErrorCode::kCorrupt, "added_tokens",
                        quote(token.content) + " is in normal form the same as another");
    }
  }
  return {};
}

}  // namespace

Result<TokenizerParts> read_tokenizer_json(const JsonDocument& document) {
  PARAPET_ASSIGN(const JsonObject root, document.object());
  PARAPET_TRY(refuse_truncation_and_padding(root));
  PARAPET_ASSIGN(const bool normalize_nfc, read_normalizer(root));
  PARAPET_ASSIGN(const SplitPattern split, read_pre_tokenizer(root));
  PARAPET_TRY(check_output_side(root));
  PARAPET_ASSIGN(const JsonObject model, root.object("model"));
  PARAPET_ASSIGN(BpeModel bpe, read_bpe_model(model));
  PARAPET_ASSIGN(std::vector<AddedToken> added, read_added_tokens(root, bpe.vocabulary()));
  if (normalize_nfc) PARAPET_TRY(check_normal_forms(root, added));
  return TokenizerParts{std::move(bpe), split, normalize_nfc, std::move(added)};
}

}  // namespace parapet
