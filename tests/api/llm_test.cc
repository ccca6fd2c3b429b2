#include "parapet/llm.h"

#include <gtest/gtest.h>

#include "support/paths.h"

namespace parapet {
namespace {

ModelOptions bundled() {
  ModelOptions options;
  options.model = test::bundled_model();
  return options;
}

TEST(Llm, ChatsInTheVerdictFormat) {
  auto llm = LLM::load(bundled());
  ASSERT_TRUE(llm.ok()) << llm.error().message;
  SamplingParams params;
  params.max_tokens = 32;
  const auto outputs = llm->chat({{{"user", "Capital of France?"}}}, params);
  ASSERT_EQ(outputs.size(), 1U);
  ASSERT_TRUE(outputs[0].ok()) << outputs[0].error().message;
  EXPECT_EQ(outputs[0]->outputs[0].text, "Safety: Safe\nCategories: None");
  EXPECT_EQ(outputs[0]->outputs[0].finish_reason, "stop");
  EXPECT_EQ(outputs[0]->usage.prompt_tokens,
            static_cast<std::int64_t>(outputs[0]->prompt_token_ids.size()));
  // The end token was computed too.
  EXPECT_EQ(outputs[0]->usage.completion_tokens,
            static_cast<std::int64_t>(outputs[0]->outputs[0].token_ids.size()) + 1);
}

TEST(Llm, StopsAtAStopTokenOfTheCaller) {
  auto llm = LLM::load(bundled());
  ASSERT_TRUE(llm.ok()) << llm.error().message;
  SamplingParams params;
  params.max_tokens = 32;
  const Conversation conversation{{"user", "Capital of France?"}};
  const auto free = llm->chat({conversation}, params);
  ASSERT_TRUE(free[0].ok());
  const auto& ids = free[0]->outputs[0].token_ids;
  params.stop_token_ids = {ids[2]};
  const auto stopped = llm->chat({conversation}, params);
  ASSERT_TRUE(stopped[0].ok());
  EXPECT_EQ(stopped[0]->outputs[0].token_ids, std::vector<TokenId>(ids.begin(), ids.begin() + 2));
  EXPECT_EQ(stopped[0]->outputs[0].finish_reason, "stop");
}

TEST(Llm, AnEmptyPromptFailsAlone) {
  auto llm = LLM::load(bundled());
  ASSERT_TRUE(llm.ok()) << llm.error().message;
  const auto outputs = llm->generate({"hello", ""}, {});
  ASSERT_EQ(outputs.size(), 2U);
  EXPECT_TRUE(outputs[0].ok());
  ASSERT_FALSE(outputs[1].ok());
  EXPECT_EQ(outputs[1].error().code, ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace parapet
