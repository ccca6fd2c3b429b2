// What is read back after a step.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "device/device.h"
#include "device/ops.h"
#include "engine/device_array.h"
#include "engine/options.h"
#include "engine/sequence.h"
#include "parapet/error.h"

namespace parapet {

// What a step tells about the token that follows one sequence.
struct NextToken {
  TokenId most_likely = -1;     // -1: a logit is NaN
  std::vector<float> logits;    // [vocab], only where the request samples
  std::vector<float> logprobs;  // what the sequence's query() asks for
};

// Logits stay on the device where they can: only what requests ask for is copied.
class StepOutputs {
 public:
  static Result<StepOutputs> allocate(Device& device, const EngineLimits& limits);

  // Row r of logits follows sequences[r]. There is at least one.
  void enqueue(Stream& stream, Ops& ops, std::span<Sequence* const> sequences, TensorView logits);
  // The answers, one a row, once the stream has passed enqueue().
  std::vector<NextToken> collect(std::span<Sequence* const> sequences);

 private:
  StepOutputs() = default;

  void enqueue_logprobs(Stream& stream, Ops& ops, std::span<Sequence* const> sequences,
                        TensorView logits);

  DeviceArray<std::int32_t> most_likely_;           // [rows]
  DeviceArray<std::int32_t> logprob_ids_;           // [rows, logprob_columns_]
  DeviceArray<float> logprobs_;                     // [rows, logprob_columns_]
  std::int64_t logprob_columns_ = 0;                // the largest query; 0: no row has one
  std::vector<std::vector<float>> sampled_logits_;  // [rows][vocab]; empty for greedy rows
};

}  // namespace parapet
