#include "engine/admission.h"

#include <gtest/gtest.h>

#include <string>

namespace parapet {
namespace {

const EngineLimits kLimits{.vocab_size = 100,
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
  const Status status = check_request(request, kLimits, kLimits.num_kv_blocks);
  ASSERT_FALSE(status) << words;
  EXPECT_EQ(status.error().code, code) << status.error().message;
  EXPECT_NE(status.error().message.find(words), std::string::npos) << status.error().message;
  EXPECT_EQ(status.error().message.find('\n'), std::string::npos);
}

bool fits(const GenerationRequest& request, std::int64_t num_blocks = kLimits.num_kv_blocks) {
  return static_cast<bool>(check_request(request, kLimits, num_blocks));
}

TEST(AdmissionTest, TakesWhatFits) {
  EXPECT_TRUE(fits(request_of(1, 1)));
  EXPECT_TRUE(fits(request_of(16, 17)));  // 32 cached: the last never is
  EXPECT_TRUE(fits(request_of(32, 0)));
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

TEST(AdmissionTest, RefusesAnswersOfLessThanNoToken) {
  for (const std::int64_t max_tokens : {INT64_MIN, std::int64_t{-1}}) {
    expect_refused(request_of(3, max_tokens), ErrorCode::kInvalidArgument,
                   "max_tokens is " + std::to_string(max_tokens));
  }
}

TEST(AdmissionTest, RefusesPromptsWithoutRoomForAnAnswer) {
  expect_refused(request_of(64, 1), ErrorCode::kTooLong, "64 tokens, expected at most 63");
}

TEST(AdmissionTest, RefusesWhatTheCacheCannotHold) {
  expect_refused(request_of(33, 0), ErrorCode::kResourceExhausted, "33 tokens");
  expect_refused(request_of(33, 1), ErrorCode::kResourceExhausted, "33 tokens");
  expect_refused(request_of(16, 18), ErrorCode::kResourceExhausted, "which has room for 32");
}

TEST(AdmissionTest, MayUseNoMoreThanIsNotPinned) {
  EXPECT_TRUE(fits(request_of(12, 1), /*num_blocks=*/3));
  EXPECT_FALSE(fits(request_of(13, 1), /*num_blocks=*/3));
  EXPECT_FALSE(fits(request_of(1, 1), /*num_blocks=*/0));
}

TEST(AdmissionTest, AnswersEndAtMaxModelLen) {
  const GenerationRequest request = request_of(60, INT64_MAX);
  EXPECT_TRUE(fits(request, /*num_blocks=*/16));
  EXPECT_EQ(allowed_output(request, kLimits), 4);
  EXPECT_EQ(allowed_output(request_of(60, 3), kLimits), 3);
}

TEST(AdmissionTest, RefusesSettingsWithoutMeaning) {
  GenerationRequest request = request_of(3, 1);
  request.sampling.top_p = 0;
  expect_refused(request, ErrorCode::kInvalidArgument, "top_p");
}

TEST(AdmissionTest, OnlyThePromptCanBePublic) {
  GenerationRequest request = request_of(3, 1);
  request.num_public_tokens = 3;
  EXPECT_TRUE(fits(request));
  for (const std::int64_t count : {std::int64_t{-1}, std::int64_t{4}, INT64_MAX}) {
    request.num_public_tokens = count;
    expect_refused(request, ErrorCode::kInvalidArgument,
                   "num_public_tokens is " + std::to_string(count) + ", expected 0 to 3");
  }
}

TEST(AdmissionTest, RefusesLogprobsOutOfRange) {
  for (const std::int64_t count : {-2, 101}) {
    GenerationRequest request = request_of(3, 1);
    request.logprobs = count;
    expect_refused(request, ErrorCode::kInvalidArgument,
                   "logprobs is " + std::to_string(count) + ", expected -1 to 100");
    request = request_of(3, 1);
    request.prompt_logprobs = count;
    expect_refused(request, ErrorCode::kInvalidArgument,
                   "prompt_logprobs is " + std::to_string(count));
  }
  GenerationRequest request = request_of(3, 1);
  request.logprobs = 100;
  request.prompt_logprobs = kAllTokens;
  EXPECT_TRUE(fits(request));
}

TEST(AdmissionTest, RefusesLogprobsOfUnknownTokens) {
  GenerationRequest request = request_of(3, 1);
  request.logprob_token_ids = {1, 99};
  EXPECT_TRUE(fits(request));
  request.logprob_token_ids = {1, 100};
  expect_refused(request, ErrorCode::kInvalidArgument, "logprob_token_ids[1] is 100");
  request.logprob_token_ids.assign(kMaxLogprobTokenIds + 1, 1);
  expect_refused(request, ErrorCode::kInvalidArgument, "logprob_token_ids is 1025");
}

}  // namespace
}  // namespace parapet
