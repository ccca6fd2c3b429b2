#include "text/tokenizer.h"

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "base/check.h"
#include "base/json.h"
#include "base/utf8.h"
#include "text/added_tokens.h"
#include "text/byte_level.h"
#include "text/normalizer.h"
#include "text/reserved_tokens.h"
#include "text/tokenizer_json.h"

namespace parapet {
namespace {

constexpr std::size_t kMaxFileBytes = std::size_t{256} << 20;  // the largest published has 33 MB

// Each run of one origin, changed by itself.
template <class Change>
OriginText change_runs(const OriginText& text, Change change) {
  OriginText changed;
  std::size_t begin = 0;
  for (const OriginText::Run& run : text.runs()) {
    const auto bytes = std::string_view(text.text()).substr(begin, run.end - begin);
    changed.append(change(bytes), run.origin);
    begin = run.end;
  }
  return changed;
}

bool runs_are_utf8(const OriginText& text) {
  const std::string& bytes = text.text();
  const auto begins_character = [&](const OriginText::Run& run) {
    return run.end == bytes.size() || !is_continuation(bytes[run.end]);
  };
  return is_utf8(bytes) && std::all_of(text.runs().begin(), text.runs().end(), begins_character);
}

// Finds added tokens in each template run as if that were all there is: message text neither takes
// part in one nor decides, as a neighbour, whether it counts. Calls on_text(begin, end) for what
// lies between them, across origins, and on_token(id).
template <class OnText, class OnToken>
void split_at_added_tokens(const AddedTokenMatcher& matcher, const OriginText& text, OnText on_text,
                           OnToken on_token) {
  std::size_t text_begin = 0;
  std::size_t run_begin = 0;
  for (const OriginText::Run& run : text.runs()) {
    if (run.origin == Origin::kTemplate) {
      const auto bytes = std::string_view(text.text()).substr(run_begin, run.end - run_begin);
      for (const AddedTokenMatcher::Match& match : matcher.find(bytes)) {
        if (text_begin < run_begin + match.begin) on_text(text_begin, run_begin + match.begin);
        on_token(match.id);
        text_begin = run_begin + match.end;
      }
    }
    run_begin = run.end;
  }
  if (text_begin < text.size()) on_text(text_begin, text.size());
}

// What a token is found as, and what it decodes to.
std::string form_of(const AddedToken& token, bool nfc) {
  return nfc && token.normalized ? to_nfc(token.content) : token.content;
}

AddedTokenMatcher make_matcher(const TokenizerParts& parts, bool normalized) {
  std::vector<AddedToken> tokens;
  for (const AddedToken& token : parts.added_tokens) {
    if (token.normalized != normalized) continue;
    tokens.push_back(token);
    tokens.back().content = form_of(token, parts.normalize_nfc);
  }
  return AddedTokenMatcher(std::move(tokens));
}

}  // namespace

struct Tokenizer::Impl {
  explicit Impl(TokenizerParts parts)
      : raw_matcher(make_matcher(parts, /*normalized=*/false)),
        normalized_matcher(make_matcher(parts, /*normalized=*/true)),
        split(parts.split),
        normalize_nfc(parts.normalize_nfc),
        bpe(std::move(parts.bpe)),
        reserved(parts.added_tokens, bpe),
        id_limit(static_cast<std::int64_t>(bpe.vocabulary().id_limit())) {
    for (AddedToken& token : parts.added_tokens) {
      id_limit = std::max<std::int64_t>(id_limit, std::int64_t{token.id} + 1);
      Added entry{token.content, form_of(token, normalize_nfc), {}, false};
      // The reference knows special tokens by what they decode to, so a changed one is none.
      entry.special = token.special && entry.form == token.content;
      // Its decoder reads any token in the byte alphabet, these included.
      if (!append_spelled_bytes(entry.form, entry.bytes)) entry.bytes = entry.form;
      added.emplace(token.id, std::move(entry));
    }
  }

  void encode(const OriginText& text, std::vector<TokenId>& ids) const;
  void encode_words(const OriginText& text, std::size_t begin, std::size_t end,
                    std::vector<TokenId>& ids) const;
  void break_up_reserved(const OriginText& text, std::size_t begin, std::size_t first,
                         std::vector<TokenId>& ids) const;
  std::string_view bytes(TokenId id) const;

  struct Added {
    std::string content, form, bytes;
    bool special;
  };

  AddedTokenMatcher raw_matcher, normalized_matcher;
  SplitPattern split;
  bool normalize_nfc;
  BpeModel bpe;
  ReservedTokens reserved;
  std::unordered_map<TokenId, Added> added;
  std::int64_t id_limit;
};

void Tokenizer::Impl::encode(const OriginText& text, std::vector<TokenId>& ids) const {
  const auto push = [&](TokenId id) { ids.push_back(id); };
  split_at_added_tokens(
      raw_matcher, text,
      [&](std::size_t begin, std::size_t end) {
        OriginText part = text.substr(begin, end - begin);
        if (normalize_nfc) part = change_runs(part, to_nfc);
        split_at_added_tokens(
            normalized_matcher, part,
            [&](std::size_t from, std::size_t to) { encode_words(part, from, to, ids); }, push);
      },
      push);
}

void Tokenizer::Impl::encode_words(const OriginText& text, std::size_t begin, std::size_t end,
                                   std::vector<TokenId>& ids) const {
  const auto words = std::string_view(text.text()).substr(0, end);
  while (begin < end) {
    const std::size_t piece_end = split.piece_end(words, begin);
    const std::size_t first = ids.size();
    bpe.encode(words.substr(begin, piece_end - begin), ids);
    if (!reserved.empty() && !text.all_template(begin, piece_end)) {
      break_up_reserved(text, begin, first, ids);
    }
    begin = piece_end;
  }
}

// `begin` is the byte at which token ids[first] begins.
void Tokenizer::Impl::break_up_reserved(const OriginText& text, std::size_t begin,
                                        std::size_t first, std::vector<TokenId>& ids) const {
  const std::vector<TokenId> tokens(ids.begin() + static_cast<std::ptrdiff_t>(first), ids.end());
  ids.resize(first);
  for (const TokenId id : tokens) {
    const std::size_t end = begin + bpe.vocabulary().bytes(id).size();
    if (reserved.contains(id) && !text.all_template(begin, end)) {
      reserved.append_parts(id, ids);
    } else {
      ids.push_back(id);
    }
    begin = end;
  }
}

std::string_view Tokenizer::Impl::bytes(TokenId id) const {
  if (const auto token = added.find(id); token != added.end()) return token->second.bytes;
  return bpe.vocabulary().bytes(id);
}

Tokenizer::Tokenizer(std::unique_ptr<const Impl> impl) : impl_(std::move(impl)) {}
Tokenizer::Tokenizer(Tokenizer&&) noexcept = default;
Tokenizer& Tokenizer::operator=(Tokenizer&&) noexcept = default;
Tokenizer::~Tokenizer() = default;

Result<Tokenizer> Tokenizer::load(const std::filesystem::path& directory) {
  PARAPET_ASSIGN(const JsonDocument document,
                 JsonDocument::read(directory / "tokenizer.json", kMaxFileBytes));
  PARAPET_ASSIGN(TokenizerParts parts, read_tokenizer_json(document));
  return Tokenizer(std::make_unique<const Impl>(std::move(parts)));
}

Result<Tokenizer> Tokenizer::parse(std::string name, std::string_view json) {
  PARAPET_ASSIGN(const JsonDocument document, JsonDocument::parse(std::move(name), json));
  PARAPET_ASSIGN(TokenizerParts parts, read_tokenizer_json(document));
  return Tokenizer(std::make_unique<const Impl>(std::move(parts)));
}

std::vector<TokenId> Tokenizer::encode(const OriginText& text) const {
  std::vector<TokenId> ids;
  if (runs_are_utf8(text)) {
    impl_->encode(text, ids);
  } else {
    impl_->encode(change_runs(text, replace_ill_formed), ids);
  }
  return ids;
}

std::vector<TokenId> Tokenizer::encode(std::string_view text, Origin origin) const {
  return encode(OriginText(text, origin));
}

std::string Tokenizer::decode(const std::vector<TokenId>& ids, bool skip_special_tokens) const {
  std::string bytes;
  for (const TokenId id : ids) {
    if (!skip_special_tokens || !is_special(id)) bytes.append(impl_->bytes(id));
  }
  return replace_ill_formed(bytes);
}

std::string Tokenizer::piece(TokenId id) const {
  const auto token = impl_->added.find(id);
  return token != impl_->added.end() ? token->second.content : impl_->bpe.vocabulary().spelling(id);
}

std::string Tokenizer::token_bytes(TokenId id) const { return std::string(impl_->bytes(id)); }

std::optional<TokenId> Tokenizer::token_id(std::string_view piece) const {
  const auto has_content = [&](const auto& token) { return token.second.content == piece; };
  const auto token = std::find_if(impl_->added.begin(), impl_->added.end(), has_content);
  if (token != impl_->added.end()) return token->first;
  if (!is_utf8(piece)) return std::nullopt;  // no spelling is otherwise
  return impl_->bpe.vocabulary().find_spelling(piece);
}

bool Tokenizer::is_special(TokenId id) const {
  const auto token = impl_->added.find(id);
  return token != impl_->added.end() && token->second.special;
}

bool Tokenizer::is_added(TokenId id) const { return impl_->added.count(id) != 0; }

std::int64_t Tokenizer::vocab_size() const { return impl_->id_limit; }

}  // namespace parapet
