// What a tokenizer.json may not say, and what we answer. Each case spoils one place of flags.json.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>
#include <string>

#include "support/paths.h"
#include "text/golden_corpus.h"

namespace parapet::testing {
namespace {

using ::testing::HasSubstr;

struct Spoiled {
  const char* name;
  const char* from;  // the first occurrence in flags.json
  const char* to;
  ErrorCode code;
  const char* message;
};

std::string spoil(const Spoiled& spoiled) {
  std::string json = read_text(golden_directory() / "flags.json");
  const std::size_t at = json.find(spoiled.from);
  if (at == std::string::npos) throw std::runtime_error(std::string("not there: ") + spoiled.from);
  return json.replace(at, std::string(spoiled.from).size(), spoiled.to);
}

class TokenizerJson : public ::testing::TestWithParam<Spoiled> {};

TEST_P(TokenizerJson, IsRefusedWithFileFieldAndValue) {
  const auto tokenizer = Tokenizer::parse("dir/tokenizer.json", spoil(GetParam()));
  ASSERT_FALSE(tokenizer.ok());
  EXPECT_EQ(tokenizer.error().code, GetParam().code) << tokenizer.error().message;
  EXPECT_THAT(tokenizer.error().message, HasSubstr(GetParam().message));
  EXPECT_EQ(tokenizer.error().message.find("dir/tokenizer.json"), 0U);
  EXPECT_EQ(tokenizer.error().message.find('\n'), std::string::npos);
}

constexpr auto kCorrupt = ErrorCode::kCorrupt;
constexpr auto kUnsupported = ErrorCode::kUnsupported;

// clang-format off
const Spoiled kComponents[] = {
    {"NotJson", "{", "[", kCorrupt, "not valid JSON"},
    {"Truncation", R"("truncation": null)", R"("truncation": {})", kUnsupported, "truncation: is not supported"},
    {"Padding", R"("padding": null)", R"("padding": {})", kUnsupported, "padding: is not supported"},
    {"Normalizer", R"("type": "NFC")", R"("type": "NFKC")", kUnsupported, "normalizer: type: \"NFKC\" is not supported; expected \"NFC\""},
    {"PreTokenizer", R"("type": "Sequence")", R"("type": "Whitespace")", kUnsupported, "pre_tokenizer: type: \"Whitespace\""},
    {"NoPreTokenizer", R"("pre_tokenizer")", R"("x")", kCorrupt, "pre_tokenizer: missing"},
    {"Split", R"("type": "Split")", R"("type": "Digits")", kUnsupported, "pretokenizers: 0: type: \"Digits\""},
    {"Pattern", R"("Regex": "(?i:)", R"("Regex": "(?x:)", kUnsupported, "pattern: Regex: \"(?x:"},
    {"PlainPattern", R"("Regex")", R"("String")", kCorrupt, "pattern: Regex: missing"},
    {"Behavior", R"("Isolated")", R"("Removed")", kUnsupported, "behavior: \"Removed\""},
    {"Invert", R"("invert": false)", R"("invert": true)", kUnsupported, "invert: true"},
    {"PrefixSpace", R"("add_prefix_space": false)", R"("add_prefix_space": true)", kUnsupported, "pretokenizers: 1: add_prefix_space: true"},
    {"Regex", R"("use_regex": false)", R"("use_regex": true)", kUnsupported, "pretokenizers: 1: use_regex: true"},
    {"PostProcessor", R"("post_processor": {
  "type": "ByteLevel")", R"("post_processor": {"type": "TemplateProcessing")", kUnsupported, "post_processor: type: \"TemplateProcessing\""},
    {"Decoder", R"("decoder": {
  "type": "ByteLevel")", R"("decoder": {"type": "Fuse")", kUnsupported, "decoder: type: \"Fuse\""},
    {"NoDecoder", R"("decoder")", R"("x")", kCorrupt, "decoder: missing"},
};

const Spoiled kModels[] = {
    {"Type", R"("type": "BPE")", R"("type": "Unigram")", kUnsupported, "model: type: \"Unigram\" is not supported; expected \"BPE\""},
    {"Dropout", R"("dropout": null)", R"("dropout": 0.1)", kUnsupported, "model: dropout"},
    {"Unknown", R"("unk_token": null)", R"("unk_token": "a")", kUnsupported, "model: unk_token"},
    {"Prefix", R"("continuing_subword_prefix": null)", R"("continuing_subword_prefix": "##")", kUnsupported, "continuing_subword_prefix: \"##\""},
    {"Suffix", R"("end_of_word_suffix": null)", R"("end_of_word_suffix": "</w>")", kUnsupported, "end_of_word_suffix: \"</w>\""},
    {"Fallback", R"("byte_fallback": false)", R"("byte_fallback": true)", kUnsupported, "byte_fallback: true"},
    {"IgnoreMerges", R"("ignore_merges": true)", R"("ignore_merges": 1)", kCorrupt, "ignore_merges: expected true or false"},
    {"NoVocabulary", R"("vocab")", R"("x")", kCorrupt, "model: vocab: expected an object"},
    {"NegativeId", R"("whole": 258)", R"("whole": -1)", kCorrupt, "vocab: \"whole\": expected an integer id"},
    {"HugeId", R"("whole": 258)", R"("whole": 9999999999)", kCorrupt, "vocab: \"whole\": expected an integer id"},
    {"FractionId", R"("whole": 258)", R"("whole": 258.5)", kCorrupt, "vocab: \"whole\": expected an integer id"},
    {"SameId", R"("whole": 258)", R"("whole": 257)", kCorrupt, "vocab: \"whole\": id 257 is taken by \"mode\""},
    {"SameToken", R"("whole": 258)", R"("mode": 258)", kCorrupt, "vocab: \"mode\": stands twice"},
    {"NoByte", R"("A": )", R"("A+": )", kUnsupported, "no token \"A\" for byte 65"},
    {"NoMerges", R"("merges")", R"("x")", kCorrupt, "model: merges: missing"},
    {"MergePart", R"("t h")", R"("t zz")", kCorrupt, "merges: 0: \"zz\" is not in the vocabulary"},
    {"MergeWhole", R"("t h")", R"("t z")", kCorrupt, "merges: 0: \"tz\" is not in the vocabulary"},
    {"MergeTwice", R"("th e")", R"("t h")", kCorrupt, "merges: 1: the merge of \"t\" and \"h\" stands twice"},
    {"MergeOfThree", R"("th e")", R"("t h e")", kCorrupt, "merges: 1: expected two tokens"},
    {"MergeOfOne", R"("th e")", R"(["the"])", kCorrupt, "merges: 1: expected two tokens"},
    {"MergeOfNothing", R"("th e")", R"(["the", ""])", kCorrupt, "merges: 1: expected two tokens"},
    {"MergeNumber", R"("th e")", R"(17)", kCorrupt, "merges: 1: expected two tokens"},
};

const Spoiled kAddedTokens[] = {
    {"Id", R"("id": 292)", R"("id": 400)", kCorrupt, "added_tokens: 0: id: 400 of \"<|im_start|>\"; expected 292"},
    {"IdInVocabulary", R"("id": 283)", R"("id": 284)", kCorrupt, "added_tokens: 2: id: 284 of \"<end>\"; expected 283, its id in the vocabulary"},
    {"HugeId", R"("id": 292)", R"("id": 2097152)", kCorrupt, "added_tokens: 0: id: 2097152; expected 0 to 2097151"},
    {"NoId", R"("id": 292)", R"("x": 292)", kCorrupt, "added_tokens: 0: id: missing"},
    {"Empty", R"("content": "<|im_end|>")", R"("content": "")", kCorrupt, "added_tokens: 1: content: 0 bytes"},
    {"Twice", R"("content": "<|im_end|>")", R"("content": "<|im_start|>")", kCorrupt, "added_tokens: 1: content: \"<|im_start|>\" stands twice"},
    {"NormalForm", "cafe\u0301s", "cafe\u0301", kCorrupt, "in normal form the same as another"},
    {"OneByte", R"({
   "content": "<|im_start|>",)", R"({"content": "A", "id": 65, "single_word": false, "lstrip": false, "rstrip": false,
   "normalized": false, "special": true}, {"content": "<|im_start|>",)", kUnsupported, "added_tokens: 0: content: \"A\" is also the vocabulary's token of a single byte"},
    {"Flag", R"("special": true)", R"("special": "yes")", kCorrupt, "added_tokens: 0: special: expected true or false, found string"},
    {"NoFlag", R"("lstrip": false)", R"("x": false)", kCorrupt, "added_tokens: 0: lstrip: missing"},
};
// clang-format on

std::string name_of(const ::testing::TestParamInfo<Spoiled>& info) { return info.param.name; }
INSTANTIATE_TEST_SUITE_P(Components, TokenizerJson, ::testing::ValuesIn(kComponents), name_of);
INSTANTIATE_TEST_SUITE_P(Model, TokenizerJson, ::testing::ValuesIn(kModels), name_of);
INSTANTIATE_TEST_SUITE_P(AddedTokens, TokenizerJson, ::testing::ValuesIn(kAddedTokens), name_of);

TEST(TokenizerLoad, AMissingFileIsNotFound) {
  const auto tokenizer = Tokenizer::load("no/such/directory");
  ASSERT_FALSE(tokenizer.ok());
  EXPECT_EQ(tokenizer.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(tokenizer.error().message, HasSubstr("no/such/directory/tokenizer.json"));
}

TEST(TokenizerLoad, AnswersAboutTokens) {
  PARAPET_NEEDS_SHARED_DATA();
  const Tokenizer tokenizer = load_qwen3();
  EXPECT_EQ(tokenizer.vocab_size(), 151669);
  EXPECT_EQ(tokenizer.piece(*tokenizer.token_id("Ġmake")), "Ġmake");
  EXPECT_EQ(tokenizer.token_bytes(*tokenizer.token_id("Ġmake")), " make");
  EXPECT_EQ(tokenizer.token_id("<|im_end|>"), 151645);
  EXPECT_TRUE(tokenizer.is_special(151645));
  EXPECT_FALSE(tokenizer.is_special(*tokenizer.token_id("<think>")));
  EXPECT_EQ(tokenizer.token_id("no such token"), std::nullopt);
  EXPECT_EQ(tokenizer.token_id("\xFF"), std::nullopt);
  for (const TokenId id : {-1, 151669, 1 << 30}) {
    EXPECT_EQ(tokenizer.piece(id), "");
    EXPECT_FALSE(tokenizer.is_special(id));
  }
}

}  // namespace
}  // namespace parapet::testing
