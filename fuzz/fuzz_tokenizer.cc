// A hostile tokenizer.json, and hostile text for whatever tokenizer comes of it.
//
// The input is a tokenizer.json, a zero byte, and a text; without a zero byte all of it is a text
// for a small built-in tokenizer. Odd bytes of the text's first half are the template's.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "text/byte_level.h"
#include "text/tokenizer.h"

namespace {

using parapet::Origin;
using parapet::OriginText;
using parapet::TokenId;
using parapet::Tokenizer;

// JSON needs two of the alphabet's characters escaped.
std::string json_string(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out.push_back('\\');
    out.push_back(c);
  }
  return out + "\"";
}

std::string built_in_json() {
  std::string vocab;
  for (int byte = 0; byte < 256; ++byte) {
    const char bytes[] = {static_cast<char>(byte)};
    vocab += json_string(parapet::spell_bytes({bytes, 1})) + ":" + std::to_string(byte) + ",";
  }
  vocab += R"("ab":256,"<e":257,"<e>":258)";
  return R"({"added_tokens":[
    {"id":258,"content":"<e>","special":true,"normalized":false,
     "single_word":false,"lstrip":false,"rstrip":true},
    {"id":259,"content":"e\u0301","special":false,"normalized":true,
     "single_word":true,"lstrip":true,"rstrip":false}],
  "normalizer":{"type":"NFC"},
  "pre_tokenizer":{"type":"Sequence","pretokenizers":[
    {"type":"Split","behavior":"Isolated","pattern":{"Regex":
     "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"}},
    {"type":"ByteLevel","add_prefix_space":false,"use_regex":false}]},
  "decoder":{"type":"ByteLevel"},
  "model":{"type":"BPE","vocab":{)" +
         vocab + R"(},"merges":["a b","< e","<e >"]}})";
}

void require(bool promise) {
  if (!promise) std::abort();
}

void exercise(const Tokenizer& tokenizer, std::string_view text) {
  OriginText mixed;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool from_template = i % 2 == 1 || i > text.size() / 2;
    mixed.append(text.substr(i, 1), from_template ? Origin::kTemplate : Origin::kMessage);
  }
  for (const OriginText& input :
       {mixed, OriginText(text, Origin::kTemplate), OriginText(text, Origin::kMessage)}) {
    const std::vector<TokenId> ids = tokenizer.encode(input);
    parapet::IncrementalDecoder decoder(tokenizer);
    std::string pieces;
    for (const TokenId id : ids) {
      require(id >= 0 && id < tokenizer.vocab_size());
      pieces += decoder.push(id);
    }
    pieces += decoder.finish();
    require(pieces == tokenizer.decode(ids));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const parapet::Result<Tokenizer> built_in = Tokenizer::parse("built-in", built_in_json());
  require(built_in.ok());
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t end = input.find('\0');
  if (end == std::string_view::npos) {
    exercise(*built_in, input);
    return 0;
  }
  const auto tokenizer = Tokenizer::parse("fuzzed", input.substr(0, end));
  if (tokenizer) {
    exercise(*tokenizer, input.substr(end + 1));
  } else {
    require(tokenizer.error().message.find('\n') == std::string::npos);
  }
  return 0;
}
