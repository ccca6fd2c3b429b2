#include "structured/dfa.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <regex>
#include <set>
#include <string>

#include "structured/regex_compiler.h"
#include "walk.h"

namespace parapet {
namespace {

Dfa dfa_of(const std::string& pattern) { return Dfa(compile_regex(pattern).value()); }

// All strings over an alphabet, shortest first.
std::vector<std::string> strings_up_to(std::size_t length, const std::string& alphabet) {
  std::vector<std::string> all{""};
  std::size_t level = 0;
  for (std::size_t size = 1; size <= length; ++size) {
    const std::size_t end = all.size();
    for (; level < end; ++level) {
      for (const char c : alphabet) all.push_back(all[level] + c);
    }
  }
  return all;
}

std::string random_pattern(std::mt19937& rng, int depth) {
  const auto inner = [&] { return random_pattern(rng, depth - 1); };
  static const char* const kAtoms[] = {"a", "b", "c", "[ab]", "[^a]", "[a-c]", "(?:)"};
  static const char* const kQuantifiers[] = {"*", "+", "?", "{2}", "{1,2}", "{2,}", "*?", "??"};
  switch (depth == 0 ? 0 : rng() % 5) {
    case 0: return kAtoms[rng() % std::size(kAtoms)];
    case 1: return inner() + inner();
    case 2: return "(" + inner() + "|" + inner() + ")";
    case 3: return "(?:" + inner() + ")" + kQuantifiers[rng() % std::size(kQuantifiers)];
    default: return inner() + inner() + inner();
  }
}

// Whether acceptance can be reached from every state that can be reached, kDead apart.
bool all_states_can_accept(Dfa& dfa) {
  std::map<Dfa::State, std::set<Dfa::State>> before;
  std::vector<Dfa::State> pending{dfa.start()};
  std::set<Dfa::State> reached{dfa.start()};
  while (!pending.empty()) {
    const Dfa::State from = pending.back();
    pending.pop_back();
    for (int byte = 0; byte < 256; ++byte) {
      const Dfa::State to = dfa.step(from, static_cast<std::uint8_t>(byte));
      if (to == Dfa::kDead) continue;
      before[to].insert(from);
      if (reached.insert(to).second) pending.push_back(to);
    }
  }
  std::set<Dfa::State> can_accept;
  for (const Dfa::State state : reached) {
    if (dfa.accepts(state)) pending.push_back(state);
  }
  while (!pending.empty()) {
    const Dfa::State state = pending.back();
    pending.pop_back();
    if (!can_accept.insert(state).second) continue;
    pending.insert(pending.end(), before[state].begin(), before[state].end());
  }
  return can_accept == reached;
}

// std::regex backtracks and knows nothing of automata.
TEST(Dfa, AcceptsAndLivesAsEnumerationSays) {
  std::mt19937 rng(11);
  const auto strings = strings_up_to(7, "abc");
  int accepted = 0;
  for (int i = 0; i < 120; ++i) {
    const std::string pattern = random_pattern(rng, 3);
    SCOPED_TRACE(pattern);
    const std::regex oracle(pattern, std::regex::ECMAScript);
    Dfa dfa = dfa_of(pattern);
    std::set<std::string> prefixes;  // of the language's strings
    for (const std::string& text : strings) {
      const bool matches = std::regex_match(text, oracle);
      accepted += matches ? 1 : 0;
      ASSERT_EQ(dfa.accepts(test::walk(dfa, text)), matches) << text;
      for (std::size_t n = 0; matches && n <= text.size(); ++n) prefixes.insert(text.substr(0, n));
    }
    for (const std::string& prefix : prefixes) {
      ASSERT_NE(test::walk(dfa, prefix), Dfa::kDead) << prefix;
    }
    EXPECT_TRUE(all_states_can_accept(dfa));
  }
  EXPECT_GT(accepted, 10000);
}

TEST(Dfa, LivesOnlyWhereItCanAccept) {
  for (const char* pattern :
       {"ab|ac[^\\s\\S]|[^\\s\\S]d", "(a[^\\w\\W]|b)*c", "([^a]|x[^\\d\\D]){2,3}é?", "[a-護]{2}",
        "(?:[^\\s\\S]*a)+", "Safety: (Safe|Unsafe)\\n.{0,20}"}) {
    Dfa dfa = dfa_of(pattern);
    EXPECT_TRUE(all_states_can_accept(dfa)) << pattern;
  }
}

TEST(Dfa, NeverEntersADeadEnd) {
  // The second branch begins like the first and can never be finished.
  Dfa dfa = dfa_of("ab|ac[^\\s\\S]|[^\\s\\S]d");
  const Dfa::State a = test::walk(dfa, "a");
  EXPECT_NE(a, Dfa::kDead);
  EXPECT_EQ(dfa.step(a, 'c'), Dfa::kDead);
  EXPECT_TRUE(dfa.accepts(dfa.step(a, 'b')));
  EXPECT_EQ(dfa.step(dfa.start(), 'd'), Dfa::kDead);
  EXPECT_EQ(dfa.step(Dfa::kDead, 'a'), Dfa::kDead);
}

TEST(Dfa, KnowsStatesByWhatFollowsThem) {
  Dfa dfa = dfa_of("(a|b)*abb");
  EXPECT_EQ(test::walk(dfa, "babab"), test::walk(dfa, "ab"));
}

TEST(Dfa, GoesOnAfterItForgets) {
  Dfa dfa = dfa_of("[a-z]{15000}x");
  Dfa::State state = dfa.start();
  int forgotten = 0;
  for (int i = 0; i < 14999; ++i) {
    state = dfa.step(state, 'b');
    ASSERT_NE(state, Dfa::kDead);
    if (dfa.is_full()) {
      dfa.forget_all_but({&state, 1});
      ++forgotten;
      EXPECT_FALSE(dfa.is_full());
    }
  }
  EXPECT_EQ(forgotten, 1);
  const Dfa::State last = dfa.step(state, 'b');
  EXPECT_FALSE(dfa.accepts(last));
  EXPECT_TRUE(dfa.accepts(dfa.step(last, 'x')));
  EXPECT_EQ(dfa.step(last, 'b'), Dfa::kDead);
}

// It has 2^5001 states, of up to 5001 members: whoever walks on meets a new one at every byte.
TEST(Dfa, SpendsItsWorkOnAHostilePattern) {
  Dfa dfa = dfa_of("[ab]*a[ab]{5000}");
  std::mt19937 rng(3);
  Dfa::State state = dfa.start();
  std::size_t steps = 0;
  for (; steps < 1'000'000 && !dfa.is_spent(); ++steps) {
    state = dfa.step(state, rng() % 2 == 0 ? 'a' : 'b');
    if (dfa.is_full()) dfa.forget_all_but({&state, 1});
  }
  EXPECT_TRUE(dfa.is_spent());
  EXPECT_LT(steps, 1'000'000U);
  EXPECT_EQ(dfa.step(state, 'a'), Dfa::kDead);
}

}  // namespace
}  // namespace parapet
