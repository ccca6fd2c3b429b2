// Every committed pattern matches what Python's re.fullmatch matches, and is refused where that
// refuses: see tools/golden/regex_golden.py.
#include <gtest/gtest.h>

#include <iostream>
#include <string>

#include "base/json.h"
#include "structured/dfa.h"
#include "structured/regex_compiler.h"
#include "support/paths.h"
#include "walk.h"

namespace parapet {
namespace {

int check_texts(const std::string& pattern, JsonArray texts) {
  auto nfa = compile_regex(pattern);
  // A language without any text is refused here; re matches nothing then.
  const bool refused = !nfa.ok();
  if (refused) {
    EXPECT_NE(nfa.error().message.find("matches no text"), std::string::npos)
        << nfa.error().message;
  }
  Dfa dfa(refused ? NfaBuilder().finish(Nfa::kAccept) : std::move(nfa).value());
  int asked = 0;
  for (const JsonElement element : texts) {
    const std::string_view text = element.at(0).get_string().value();
    const bool expected = element.at(1).get_bool().value();
    const bool matches = !refused && dfa.accepts(test::walk(dfa, text));
    EXPECT_EQ(matches, expected) << "pattern: " << pattern << "\ntext: " << text;
    ++asked;
  }
  return asked;
}

TEST(RegexConformance, PythonFullmatch) {
  const auto document =
      JsonDocument::read(test::source_dir() / "tests/golden/structured/regex.json", 1U << 24);
  ASSERT_TRUE(document.ok()) << document.error().message;
  int patterns = 0;
  int asked = 0;
  const JsonArray cases = document->root().get_array().value();
  for (const JsonElement element : cases) {
    const std::string_view spelled = element["pattern"].get_string().value();
    const std::string pattern(spelled);
    ++patterns;
    JsonArray texts;
    if (element["texts"].get(texts) == simdjson::SUCCESS) {
      asked += check_texts(pattern, texts);
    } else {
      EXPECT_FALSE(compile_regex(pattern).ok()) << pattern;
    }
  }
  std::cout << "regex conformance: " << patterns << " patterns, " << asked << " texts\n";
  EXPECT_GE(patterns, 1000);
  EXPECT_GE(asked, 6000);
}

}  // namespace
}  // namespace parapet
