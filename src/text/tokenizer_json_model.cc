#include "text/tokenizer_json_model.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/check.h"
#include "base/quote.h"
#include "text/byte_level.h"

namespace parapet {
namespace {

using JsonFields = simdjson::dom::object;

Error unsupported(const JsonObject& model, std::string_view key, std::string_view what) {
  return model.error(ErrorCode::kUnsupported, key, what);
}

// The options of a BPE model that would change what a text encodes to.
Status check_options(const JsonObject& model) {
  PARAPET_ASSIGN(const std::string_view type, model.string("type"));
  if (type != "BPE") {
    return unsupported(model, "type", quote(type) + " is not supported; expected \"BPE\"");
  }
  PARAPET_ASSIGN(const double dropout, model.number_or("dropout", 0));
  if (dropout != 0) return unsupported(model, "dropout", "is not supported; expected null");
  if (model.find("unk_token")) {
    return unsupported(model, "unk_token", "is not supported; expected null");
  }
  for (const char* key : {"continuing_subword_prefix", "end_of_word_suffix"}) {
    PARAPET_ASSIGN(const std::string_view affix, model.string_or(key, ""));
    if (!affix.empty()) {
      return unsupported(model, key, quote(affix) + " is not supported; expected none");
    }
  }
  PARAPET_ASSIGN(const bool byte_fallback, model.boolean_or("byte_fallback", false));
  if (byte_fallback) {
    return unsupported(model, "byte_fallback", "true is not supported; expected false");
  }
  return {};
}

Error vocabulary_error(const JsonObject& model, std::string_view token, std::string_view what) {
  return model.error(ErrorCode::kCorrupt, "vocab", quote(token) + ": " + std::string(what));
}

struct VocabularySize {
  std::size_t count = 0;
  std::size_t id_limit = 0;
};

Result<VocabularySize> measure_vocabulary(const JsonObject& model, JsonFields vocab) {
  VocabularySize size;
  for (const auto& [token, value] : vocab) {
    std::int64_t id = -1;
    if (value.get(id) != simdjson::SUCCESS || id < 0 || id >= kMaxTokenIds) {
      return vocabulary_error(
          model, token, "expected an integer id from 0 to " + std::to_string(kMaxTokenIds - 1));
    }
    size.id_limit = std::max(size.id_limit, static_cast<std::size_t>(id) + 1);
    ++size.count;
  }
  return size;
}

Result<Vocabulary> read_vocabulary(const JsonObject& model) {
  const auto element = model.find("vocab");
  JsonFields vocab;
  if (!element || element->get(vocab) != simdjson::SUCCESS) {
    return model.error(ErrorCode::kCorrupt, "vocab", "expected an object of token to id");
  }
  PARAPET_ASSIGN(const VocabularySize size, measure_vocabulary(model, vocab));
  Vocabulary vocabulary(size.id_limit, size.count);
  for (const auto& [token, value] : vocab) {
    const auto id = static_cast<TokenId>(value.get_int64().value_unsafe());
    switch (vocabulary.add(token, id)) {
      case Vocabulary::Added::kYes: break;
      case Vocabulary::Added::kIdTaken:
        return vocabulary_error(model, token,
                                "id " + std::to_string(id) + " is taken by " +
                                    quote(vocabulary.spelling(id)) + "; ids must differ");
      case Vocabulary::Added::kSpellingTaken: return vocabulary_error(model, token, "stands twice");
    }
  }
  return vocabulary;
}

Result<std::array<TokenId, 256>> find_byte_tokens(const JsonObject& model,
                                                  const Vocabulary& vocabulary) {
  std::array<TokenId, 256> tokens{};
  for (std::size_t byte = 0; byte < tokens.size(); ++byte) {
    const char as_char = static_cast<char>(byte);
    const std::string_view bytes(&as_char, 1);
    const auto token = vocabulary.find_bytes(bytes);
    if (!token) {
      return model.error(ErrorCode::kUnsupported, "vocab",
                         "no token " + quote(spell_bytes(bytes)) + " for byte " +
                             std::to_string(byte) + "; expected all 256 byte-level tokens");
    }
    tokens[byte] = *token;
  }
  return tokens;
}

struct MergePair {
  std::string_view left, right;
};

// ["a", "b"] or "a b".
std::optional<MergePair> read_pair(JsonElement element) {
  std::string_view text;
  if (element.get(text) == simdjson::SUCCESS) {
    const std::size_t space = text.find(' ');
    if (space == std::string_view::npos || text.find(' ', space + 1) != std::string_view::npos) {
      return std::nullopt;
    }
    return MergePair{text.substr(0, space), text.substr(space + 1)};
  }
  JsonArray array;
  MergePair pair;
  if (element.get(array) != simdjson::SUCCESS || array.size() != 2 ||
      array.at(0).get(pair.left) != simdjson::SUCCESS ||
      array.at(1).get(pair.right) != simdjson::SUCCESS) {
    return std::nullopt;
  }
  return pair;
}

// Turns merges of tokens as the file spells them into merges of ids.
class MergeReader {
 public:
  MergeReader(const JsonObject& model, const Vocabulary& vocabulary, std::size_t count)
      : model_(model), vocabulary_(vocabulary), table_(count) {}

  Status add(JsonElement element) {
    const auto pair = read_pair(element);
    if (!pair || pair->left.empty() || pair->right.empty()) {
      return error("expected two tokens: [\"a\", \"b\"] or \"a b\"");
    }
    PARAPET_ASSIGN(const TokenId left, find(pair->left));
    PARAPET_ASSIGN(const TokenId right, find(pair->right));
    PARAPET_ASSIGN(const TokenId whole, find_joined(left, right, *pair));
    if (!table_.add(left, right, {rank_, whole})) {
      return error("the merge of " + quote(pair->left) + " and " + quote(pair->right) +
                   " stands twice");
    }
    ++rank_;
    return {};
  }

  MergeTable take() { return std::move(table_); }

 private:
  Result<TokenId> find(std::string_view spelling) const {
    const auto token = vocabulary_.find_spelling(spelling);
    if (!token) return error(quote(spelling) + " is not in the vocabulary");
    return *token;
  }

  // Vocabularies are written in the order of their merges: the token after the last one is nearly
  // always it, and comparing bytes with a neighbour is far cheaper than a look-up.
  Result<TokenId> find_joined(TokenId left, TokenId right, const MergePair& pair) {
    joined_.assign(vocabulary_.bytes(left)).append(vocabulary_.bytes(right));
    if (vocabulary_.is_byte_level(left) && vocabulary_.is_byte_level(right) &&
        vocabulary_.is_byte_level(whole_ + 1) && vocabulary_.bytes(whole_ + 1) == joined_) {
      return ++whole_;
    }
    joined_.assign(pair.left).append(pair.right);
    PARAPET_ASSIGN(whole_, find(joined_));
    return whole_;
  }

  Error error(std::string_view what) const {
    return model_.error(ErrorCode::kCorrupt, "merges",
                        std::to_string(rank_) + ": " + std::string(what));
  }

  const JsonObject& model_;
  const Vocabulary& vocabulary_;
  MergeTable table_;
  std::uint32_t rank_ = 0;
  TokenId whole_ = -1;  // of the last merge
  std::string joined_;
};

Result<MergeTable> read_merges(const JsonObject& model, const Vocabulary& vocabulary) {
  PARAPET_ASSIGN(const JsonArray merges, model.array("merges"));
  // size() stops counting at 2^24 - 1, more than the pairs of any vocabulary that loads.
  constexpr std::size_t kMaxMerges = 0xFFFFFE;
  if (merges.size() > kMaxMerges) {
    return model.error(ErrorCode::kUnsupported, "merges",
                       "more than " + std::to_string(kMaxMerges) + " merges");
  }
  MergeReader reader(model, vocabulary, merges.size());
  for (const JsonElement element : merges) PARAPET_TRY(reader.add(element));
  return reader.take();
}

}  // namespace

Result<BpeModel> read_bpe_model(const JsonObject& model) {
  PARAPET_TRY(check_options(model));
  PARAPET_ASSIGN(const bool ignore_merges, model.boolean_or("ignore_merges", false));
  PARAPET_ASSIGN(Vocabulary vocabulary, read_vocabulary(model));
  PARAPET_ASSIGN(const auto byte_tokens, find_byte_tokens(model, vocabulary));
  PARAPET_ASSIGN(MergeTable merges, read_merges(model, vocabulary));
  return BpeModel(std::move(vocabulary), std::move(merges), byte_tokens, ignore_merges);
}

}  // namespace parapet
