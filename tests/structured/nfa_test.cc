#include "structured/nfa.h"

#include <gtest/gtest.h>

#include <utility>

#include "structured/dfa.h"
#include "walk.h"

namespace parapet {
namespace {

TEST(Nfa, AnyCharacterSharesItsEnds) {
  NfaBuilder builder;
  const auto start = builder.add_characters(CodePointSet().complement(), Nfa::kAccept);
  EXPECT_EQ(builder.size(), 9U);  // kAccept and eight more
  const Nfa nfa = std::move(builder).finish(start);
  EXPECT_EQ(nfa.edges(start).size(), 9U);
}

TEST(Nfa, AnEmptySetIsADeadEnd) {
  NfaBuilder builder;
  const auto nothing = builder.add_characters(CodePointSet(), Nfa::kAccept);
  const auto before = builder.add_bytes("ab", nothing);
  const auto loop = builder.open_loop(nothing);
  builder.close_loop(loop, builder.add_bytes("c", loop));
  const auto start = builder.add_split(before, builder.add_bytes("d", Nfa::kAccept));
  const Nfa nfa = std::move(builder).finish(start);
  EXPECT_FALSE(nfa.is_live(nothing));
  EXPECT_FALSE(nfa.is_live(before));
  EXPECT_FALSE(nfa.is_live(loop));
  EXPECT_TRUE(nfa.is_live(start));
  EXPECT_TRUE(nfa.is_live(Nfa::kAccept));
}

TEST(Nfa, ALoopMayBeEmpty) {
  NfaBuilder builder;
  const auto outer = builder.open_loop(Nfa::kAccept);
  const auto inner = builder.open_loop(outer);
  builder.close_loop(inner, builder.add_bytes("x", inner));
  builder.close_loop(outer, inner);
  Dfa dfa(std::move(builder).finish(outer));
  EXPECT_TRUE(dfa.accepts(dfa.start()));
  EXPECT_TRUE(dfa.accepts(test::walk(dfa, "xxx")));
  EXPECT_EQ(test::walk(dfa, "xy"), Dfa::kDead);
}

}  // namespace
}  // namespace parapet
