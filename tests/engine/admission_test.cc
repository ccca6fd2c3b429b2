#include "engine/admission.h"

#include <gtest/gtest.h>

#include <string>

namespace parapet {
namespace {

constexpr EngineLimits kLimits{.vocab_size = 100,
                               .max_model_len = 64,
                               .max_num_seqs = 4,
                               .max_num_batched_tokens = 32,
                               .block_size = 4,
                               .num_kv_blocks = 8,  // 32 tokens
                               .kv_cache_dtype = DType::kF32,
                               .max_num_requests = 10};

GenerationRequest request_of(std::size_t prompt_len, std::int64_t max_tokens) {
  GenerationRequest request;
  request.prompt.assign(prompt_len, 99);
  request.max_tokens = max_tokens;
  return request;
}

void expect_refused(const GenerationRequest& request, ErrorCode code, const std::string& words) {
  const Status status = check_request(request, kLimits);
  ASSERT_FALSE(status) << words;
  EXPECT_EQ(status.error().code, code) << status.error().message;
  EXPECT_NE(status.error().message.find(words), std::string::npos) << status.error().message;
  EXPECT_EQ(status.error().message.find('\n'), std::string::npos);
}

TEST(AdmissionTest, TakesWhatFits) {
  EXPECT_TRUE(check_request(request_of(1, 1), kLimits));
  EXPECT_TRUE(check_request(request_of(16, 17), kLimits));  // 32 cached: the last never is
}

TEST(AdmissionTest, RefusesEmptyPrompts) {
  expect_refused(request_of(0, 1), ErrorCode::kInvalidArgument, "prompt is empty");
}

TEST(AdmissionTest, RefusesIdsOutsideTheVocabulary) {
  GenerationRequest request = request_of(3, 1);
  for (const TokenId id : {100, -1, INT32_MAX, INT32_MIN}) {
    request.prompt[2] = id;
    expect_refused(request, ErrorCode::kInvalidArgument, "prompt[2] is " + std::to_string(id));
  }
}

TEST(AdmissionTest, RefusesAnswersWithoutTokens) {
  for (const std::int64_t max_tokens : {INT64_MIN, std::int64_t{-1}, std::int64_t{0}}) {
    expect_refused(request_of(3, max_tokens), ErrorCode::kInvalidArgument,
                   "max_tokens is " + std::to_string(max_tokens));
  }
}

TEST(AdmissionTest, RefusesPromptsWithoutRoomForAnAnswer) {
  expect_refused(request_of(64, 1), ErrorCode::kTooLong, "64 tokens, expected at most 63");
}

TEST(AdmissionTest, RefusesWhatTheCacheCannotHold) {
  expect_refused(request_of(33, 1), ErrorCode::kResourceExhausted, "33 tokens");
  expect_refused(request_of(16, 18), ErrorCode::kResourceExhausted, "which holds 32");
}

TEST(AdmissionTest, AnswersEndAtMaxModelLen) {
  EngineLimits roomy = kLimits;
  roomy.num_kv_blocks = 16;
  const GenerationRequest request = request_of(60, INT64_MAX);
  EXPECT_TRUE(check_request(request, roomy));
  EXPECT_EQ(allowed_output(request, roomy), 4);
}

TEST(AdmissionTest, RefusesSettingsWithoutMeaning) {
  GenerationRequest request = request_of(3, 1);
  request.sampling.top_p = 0;
  expect_refused(request, ErrorCode::kInvalidArgument, "top_p");
}

TEST(AdmissionTest, RefusesQueriesThatCannotBeAnswered) {
  GenerationRequest request = request_of(3, 1);
  request.logprobs = {{.step = -1, .token_ids = {1}}};
  expect_refused(request, ErrorCode::kInvalidArgument, "step is -1");
  request.logprobs = {{.step = 0, .token_ids = {}}};
  expect_refused(request, ErrorCode::kInvalidArgument, "0 tokens");
  request.logprobs = {{.step = 0, .token_ids = std::vector<TokenId>(65, 1)}};
  expect_refused(request, ErrorCode::kInvalidArgument, "65 tokens, expected 1 to 64");
  request.logprobs = {{.step = 0, .token_ids = {1, 100}}};
  expect_refused(request, ErrorCode::kInvalidArgument, "logprobs.token_ids[1] is 100");
  request.logprobs = {{.step = 2, .token_ids = {1}}, {.step = 2, .token_ids = {3}}};
  expect_refused(request, ErrorCode::kInvalidArgument, "twice about step 2");
}

}  // namespace
}  // namespace parapet
