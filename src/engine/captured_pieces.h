// Graph mode: the pieces of the forward between attentions, captured once for some numbers of rows.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "device/device.h"
#include "model/qwen3.h"
#include "parapet/error.h"

namespace parapet {

// A step of fewer rows than a captured size replays that size, its last rows computed for nothing.
// Rows do not depend on each other, so what it yields is what an eager step yields, bit for bit.
class CapturedPieces {
 public:
  // Called after each size: so many captured, of so many.
  using Progress = std::function<void(std::int64_t done, std::int64_t total)>;

  // token_ids and positions: i32, as long as the largest size, at the addresses that every later
  // step will have.
  static Result<CapturedPieces> capture(Stream& stream, Qwen3Model& model, TensorView token_ids,
                                        TensorView positions,
                                        const std::vector<std::int64_t>& sizes,
                                        const Progress& progress);

  // The smallest captured size that holds a step, or 0.
  std::int64_t size_for(std::int64_t num_rows) const;
  std::int64_t num_sizes() const { return std::ssize(graphs_); }
  std::int64_t num_nodes() const;
  double seconds() const { return seconds_; }    // that capturing took
  std::int64_t bytes() const { return bytes_; }  // that the process grew by

  Status replay(Stream& stream, std::int64_t size, int piece) const;

 private:
  double seconds_ = 0;
  std::int64_t bytes_ = 0;
  std::map<std::int64_t, std::vector<std::unique_ptr<Graph>>> graphs_;  // by size; one a piece
};

}  // namespace parapet
