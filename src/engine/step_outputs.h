// What is read back after a step.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "device/device.h"
#include "device/ops.h"
#include "engine/device_array.h"
#include "engine/options.h"
#include "model/qwen3.h"
#include "parapet/error.h"
#include "parapet/types.h"

namespace parapet {

// One row of a step whose logits are read, and what is wanted of them.
struct LogitRow {
  std::int64_t row = 0;                 // among the step's rows
  std::span<const TokenId> watch = {};  // log-probabilities of these; at most kMaxWatchedTokens
  bool whole = false;                   // the logits themselves
};

struct LogitRowResult {
  TokenId most_likely = -1;    // -1: a logit is NaN
  std::vector<float> watched;  // in the order of `watch`
};

// Called once for each row that is wanted whole, in order; logits f32 [vocab] live during the call.
using LogitsReader = std::function<void(std::size_t index, std::span<const float> logits)>;

// Rows go through the head in tiles, so that its buffers stay small, and their logits stay on the
// device unless they are wanted whole.
class StepOutputs {
 public:
  static constexpr std::int64_t kTileRows = 64;

  static Result<StepOutputs> allocate(Device& device, const EngineLimits& limits);

  // One result a row.
  Result<std::vector<LogitRowResult>> read(Stream& stream, Ops& ops, Qwen3Model& model,
                                           std::span<const LogitRow> rows,
                                           const LogitsReader& reader);

 private:
  StepOutputs() = default;

  void upload(Stream& stream, std::span<const LogitRow> rows);
  Status read_whole(Stream& stream, std::span<const LogitRow> rows, std::int64_t begin,
                    TensorView logits, const LogitsReader& reader);
  std::vector<LogitRowResult> collect(std::span<const LogitRow> rows) const;

  DeviceArray<std::int32_t> rows_;         // [rows]
  DeviceArray<std::int32_t> most_likely_;  // [rows]
  DeviceArray<std::int32_t> watched_ids_;  // [rows, columns_]
  DeviceArray<float> watched_;             // [rows, columns_]
  std::int64_t columns_ = 0;               // the longest watch; 0: no row has one
  std::vector<float> logits_;              // one row on the host
};

}  // namespace parapet
