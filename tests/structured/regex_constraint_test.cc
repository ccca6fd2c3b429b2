#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <regex>
#include <string>
#include <vector>

#include "base/check.h"
#include "base/utf8.h"
#include "masks.h"
#include "structured/constraints.h"
#include "structured/dfa.h"
#include "structured/regex_compiler.h"
#include "support/paths.h"
#include "walk.h"

namespace parapet {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;

std::shared_ptr<const TokenConstraint> regex(const std::string& pattern,
                                             std::shared_ptr<const VocabularyTrie> vocabulary) {
  const TokenId end = test::end_of(*vocabulary);
  return regex_constraint(pattern, std::move(vocabulary), {end}).value();
}

// Token by token, each walked from the start of the text.
std::vector<TokenId> expected(const std::string& pattern, const VocabularyTrie& vocabulary,
                              const std::string& output) {
  Dfa dfa(compile_regex(pattern).value());
  std::vector<TokenId> ids;
  for (TokenId id = 0; id < vocabulary.vocab_size(); ++id) {
    const std::string_view bytes = vocabulary.bytes(id);
    const Dfa::State state = test::walk(dfa, test::walk(dfa, output), bytes);
    const bool is_end = id == test::end_of(vocabulary);
    if (is_end ? dfa.accepts(state) : !bytes.empty() && state != Dfa::kDead) ids.push_back(id);
  }
  return ids;
}

// The bundled tokenizer's, with three ids above it; the last serves as the end token.
std::shared_ptr<const VocabularyTrie> bundled_vocabulary() {
  const Tokenizer tokenizer = Tokenizer::load(test::bundled_model()).value();
  return std::make_shared<const VocabularyTrie>(tokenizer, tokenizer.vocab_size() + 3);
}

// The text as one token a byte.
std::vector<TokenId> byte_tokens(const VocabularyTrie& vocabulary, const std::string& text) {
  std::map<std::string, TokenId> ids;
  for (TokenId id = 0; id < vocabulary.vocab_size(); ++id) ids.emplace(vocabulary.bytes(id), id);
  std::vector<TokenId> tokens;
  for (const char byte : text) tokens.push_back(ids.at(std::string(1, byte)));
  return tokens;
}

// What an answer may become when every allowed token is equally likely.
std::string random_answer(const TokenConstraint& constraint, const VocabularyTrie& vocabulary,
                          std::mt19937& rng) {
  std::string text;
  for (std::vector<TokenId> output; output.size() < 1000;) {
    const auto ids = test::allowed(constraint, vocabulary.vocab_size(), output);
    if (ids.empty()) return "(stuck) " + text;
    const TokenId id = ids[rng() % ids.size()];
    if (id == test::end_of(vocabulary)) return text;
    output.push_back(id);
    text += vocabulary.bytes(id);
  }
  return "(endless) " + text;
}

TEST(RegexConstraint, MasksAreWhatEachTokenSays) {
  const auto vocabulary = bundled_vocabulary();
  const struct {
    std::string pattern, output;
  } cases[] = {{".*", ""},
               {".*", "é"},
               {"[a-z ]+\\.", "this is"},
               {"[a-z ]+\\.", "this is."},
               {"Safety: (Safe|Unsafe|Controversial)\n", "Safety:"},
               {"Safety: (Safe|Unsafe|Controversial)\n", "Safety: Un"},
               {"[^\\x00-\\x7f]{2,3}!", ""},
               {"[^\\x00-\\x7f]{2,3}!", "護\xE6"},
               {"\\{\"a\": \\d{1,3}(, \"b\": \"\\w*\")?\\}", "{\"a\": 12"},
               {"(the|a) (cat|dog)s?", "the "},
               {"\\d{4}-\\d{2}", "20"},
               {"(a|b)*abb", "abab"}};
  for (const auto& [pattern, output] : cases) {
    const auto constraint = regex(pattern, vocabulary);
    const auto ids = byte_tokens(*vocabulary, output);
    const auto want = expected(pattern, *vocabulary, output);
    EXPECT_THAT(want, Not(IsEmpty()));
    EXPECT_EQ(test::allowed(*constraint, vocabulary->vocab_size(), ids), want) << pattern;
    // And once more, from the cache.
    EXPECT_EQ(test::allowed(*constraint, vocabulary->vocab_size(), ids), want) << pattern;
  }
}

TEST(RegexConstraint, RandomAnswersMatch) {
  const auto vocabulary = bundled_vocabulary();
  std::mt19937 rng(2);
  const std::string patterns[] = {
      "Safety: (Safe|Unsafe|Controversial)\\nCategories: (None|Violent|PII)",
      "[a-z]{1,8}@[a-z]{1,8}\\.(com|org)", "-?(0|[1-9][0-9]{0,4})(\\.[0-9]{1,3})?",
      "\\{\"name\": \"[A-Za-z ]{0,12}\", \"age\": [0-9]{1,3}\\}", "(the |a |cat |dog ){0,6}!"};
  for (const std::string& pattern : patterns) {
    const std::regex oracle(pattern, std::regex::ECMAScript);
    const auto constraint = regex(pattern, vocabulary);
    for (int i = 0; i < 40; ++i) {
      const std::string answer = random_answer(*constraint, *vocabulary, rng);
      EXPECT_TRUE(std::regex_match(answer, oracle)) << pattern << "\n" << answer;
    }
  }
}

TEST(RegexConstraint, RandomAnswersAreUtf8) {
  const auto vocabulary = bundled_vocabulary();
  std::mt19937 rng(6);
  const auto constraint = regex("[^\\x00-\\x7f]{3,5}", vocabulary);
  for (int i = 0; i < 100; ++i) {
    const std::string answer = random_answer(*constraint, *vocabulary, rng);
    ASSERT_TRUE(is_utf8(answer));
    int characters = 0;
    for (std::size_t at = 0; at < answer.size(); ++characters) {
      const Utf8Char c = read_utf8(answer, at);
      EXPECT_GT(c.code_point, 0x7FU);
      at = c.end;
    }
    EXPECT_GE(characters, 3);
    EXPECT_LE(characters, 5);
  }
}

TEST(RegexConstraint, ACharacterMayBeSplitAcrossTokens) {
  // U+8B77 is E8 AD B7.
  const auto vocabulary = test::bytes_and({"a\xE8", "\xAD\xB7", "\xAD\xB7!", "\xE8\xAD"});
  const auto constraint = regex("a護[^護]", vocabulary);
  EXPECT_THAT(test::allowed(*constraint, 261, {}), ElementsAre('a', 256));
  EXPECT_THAT(test::allowed(*constraint, 261, {256}), ElementsAre(0xAD, 257, 258));
  EXPECT_THAT(test::allowed(*constraint, 261, {'a'}), ElementsAre(0xE8, 259));
  EXPECT_THAT(test::allowed(*constraint, 261, {'a', 259}), ElementsAre(0xB7));
  // The last character may begin as the refused one does.
  EXPECT_THAT(test::allowed(*constraint, 261, {256, 257, 0xE8, 0xAD}).size(), 63);
}

TEST(RegexConstraint, ANegatedClassTakesOnlyWholeCharacters) {
  const auto vocabulary = test::bytes_and({});
  const auto first = test::allowed(*regex("[^a]", vocabulary), 257, {});
  for (TokenId byte = 0; byte < 256; ++byte) {
    const bool begins_character = byte < 0x80 || (byte >= 0xC2 && byte <= 0xF4);
    const bool found = std::find(first.begin(), first.end(), byte) != first.end();
    EXPECT_EQ(found, begins_character && byte != 'a') << byte;
  }
  // No surrogates, nothing overlong, nothing beyond U+10FFFF.
  const auto second = [&](TokenId lead) {
    const auto ids = test::allowed(*regex("[^a]", vocabulary), 257, {lead});
    return std::pair(ids.front(), ids.back());
  };
  EXPECT_EQ(second(0xC2), std::pair(0x80, 0xBF));
  EXPECT_EQ(second(0xE0), std::pair(0xA0, 0xBF));
  EXPECT_EQ(second(0xED), std::pair(0x80, 0x9F));
  EXPECT_EQ(second(0xF0), std::pair(0x90, 0xBF));
  EXPECT_EQ(second(0xF4), std::pair(0x80, 0x8F));
}

TEST(RegexConstraint, AnEndTokenIsNeverText) {
  const auto vocabulary = test::bytes_and({"ab"});
  const auto constraint = regex_constraint("(ab)*", vocabulary, {256, 257}).value();
  EXPECT_THAT(test::allowed(*constraint, 258, {}), ElementsAre('a', 256, 257));
  EXPECT_THAT(test::allowed(*constraint, 258, {'a'}), ElementsAre('b'));
  EXPECT_THAT(test::allowed(*constraint, 258, {256}), IsEmpty());
}

TEST(RegexConstraint, SaysTheSameWhateverItWasAskedBefore) {
  const auto vocabulary = test::bytes_and({"ab", "ba", "aa"});
  const std::string pattern = "[ab]*a[ab]{12}";
  const auto shared = regex(pattern, vocabulary);
  std::mt19937 rng(9);
  for (int i = 0; i < 300; ++i) {
    std::vector<TokenId> output;
    for (auto n = rng() % 25; n > 0; --n) output.push_back("ab"[rng() % 2]);
    EXPECT_EQ(test::allowed(*shared, 260, output),
              test::allowed(*regex(pattern, vocabulary), 260, output));
  }
}

TEST(RegexConstraint, FollowsALongAnswer) {
  const auto vocabulary = test::bytes_and({"word "});
  const auto constraint = regex("(?:[a-z]+ ){0,2000}", vocabulary);
  std::vector<TokenId> output;
  for (int i = 0; i < 2000; ++i) {
    ASSERT_THAT(test::allowed(*constraint, 258, output).size(), 28) << i;
    output.push_back(256);
  }
  EXPECT_THAT(test::allowed(*constraint, 258, output), ElementsAre(257));
}

// More states than are kept: they are forgotten on the way, inside a token and inside a mask.
TEST(RegexConstraint, GoesOnAfterItForgets) {
  const std::string block(250, 'x');
  const auto vocabulary = test::bytes_and({block, block + "!"});
  const auto constraint = regex("x{15000}!", vocabulary);
  std::vector<TokenId> output;
  for (int i = 0; i < 59; ++i) {
    ASSERT_THAT(test::allowed(*constraint, 259, output), ElementsAre('x', 256)) << i;
    output.push_back(256);
  }
  EXPECT_THAT(test::allowed(*constraint, 259, output), ElementsAre('x', 256, 257));
  output.push_back(257);
  EXPECT_THAT(test::allowed(*constraint, 259, output), ElementsAre(258));
  // From the start in one go, as after a branch that was never seen.
  std::vector<TokenId> letters(14999, 'x');
  EXPECT_THAT(test::allowed(*constraint, 259, letters), ElementsAre('x'));
  letters.push_back('x');
  EXPECT_THAT(test::allowed(*constraint, 259, letters), ElementsAre('!'));
}

// What would take hours without limits: it fails, and takes no memory either.
TEST(RegexConstraint, GivesUpOnAHostilePattern) {
  const auto vocabulary = test::bytes_and({});
  const auto constraint = regex("[ab]*a[ab]{5000}", vocabulary);
  std::mt19937 rng(4);
  std::vector<TokenId> output;
  for (int i = 0; i < 200'000; ++i) output.push_back("ab"[rng() % 2]);
  EXPECT_THAT(test::allowed(*constraint, 257, output), IsEmpty());
}

TEST(RegexConstraint, AMaskOfAnotherVocabularyIsABug) {
  const auto vocabulary = test::bytes_and({});
  TokenMask mask(100);
  EXPECT_THROW(regex("a", vocabulary)->allow({}, mask), InternalError);
}

}  // namespace
}  // namespace parapet
