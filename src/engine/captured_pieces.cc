#include "engine/captured_pieces.h"

#include <algorithm>
#include <chrono>

#include "base/check.h"
#include "base/memory.h"

namespace parapet {

Result<CapturedPieces> CapturedPieces::capture(Stream& stream, Qwen3Model& model,
                                               TensorView token_ids, TensorView positions,
                                               const std::vector<std::int64_t>& sizes,
                                               const Progress& progress) {
  using Clock = std::chrono::steady_clock;
  const Clock::time_point begin = Clock::now();
  const std::uint64_t resident = resident_memory();
  CapturedPieces captured;
  for (const std::int64_t size : sizes) {
    auto& pieces = captured.graphs_[size];
    for (int index = 0; index < model.num_pieces(); ++index) {
      PARAPET_TRY(stream.begin_capture());
      model.piece(stream, token_ids.first(size), positions.first(size), index);
      PARAPET_ASSIGN(auto graph, stream.end_capture());
      pieces.push_back(std::move(graph));
    }
    if (progress) progress(captured.num_sizes(), std::ssize(sizes));
  }
  captured.seconds_ = std::chrono::duration<double>(Clock::now() - begin).count();
  captured.bytes_ = static_cast<std::int64_t>(std::max(resident_memory(), resident) - resident);
  return captured;
}

std::int64_t CapturedPieces::size_for(std::int64_t num_rows) const {
  const auto found = graphs_.lower_bound(num_rows);
  return found == graphs_.end() ? 0 : found->first;
}

std::int64_t CapturedPieces::num_nodes() const {
  std::int64_t count = 0;
  for (const auto& [size, pieces] : graphs_) {
    for (const auto& graph : pieces) count += static_cast<std::int64_t>(graph->num_nodes());
  }
  return count;
}

Status CapturedPieces::replay(Stream& stream, std::int64_t size, int piece) const {
  return stream.replay(*graphs_.at(size).at(static_cast<std::size_t>(piece)));
}

}  // namespace parapet
