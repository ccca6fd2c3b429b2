#include "device/host/host_checks.h"

#include <string>

#include "base/check.h"

namespace parapet {

void check_indices(const char* name, const TensorView& indices, std::int64_t limit) {
  const auto* const values = indices.as<const std::int32_t>();
  for (std::int64_t i = 0; i < indices.size(); ++i) {
    if (values[i] < 0 || values[i] >= limit) {
      throw InternalError(std::string(name) + "[" + std::to_string(i) + "] is " +
                          std::to_string(values[i]) + ", expected 0 to " +
                          std::to_string(limit - 1));
    }
  }
}

namespace {

// The checks of one sequence; every message names it.
class SequenceChecker {
 public:
  SequenceChecker(const BatchView& batch, const KvCacheSpec& spec, std::int64_t seq)
      : batch_(batch),
        spec_(spec),
        seq_(seq),
        context_(batch.context_lens.as<const std::int32_t>()[seq]) {}

  void run() const {
    const auto* const query_start = batch_.query_start.as<const std::int32_t>() + seq_;
    const std::int64_t queries = std::int64_t{query_start[1]} - query_start[0];
    require(queries >= 0, "query_start decreases");
    require(context_ >= queries, "context_lens is less than its query tokens");
    if (batch_.tail_start.null()) {
      blocks(context_, "context_lens exceeds the block table");
      return;
    }
    const std::int64_t start = batch_.tail_start.as<const std::int32_t>()[seq_];
    require(start >= 0 && start <= context_, "tail_start is outside the context");
    blocks(start, "tail_start exceeds the block table");
    tail(context_ - start);
  }

 private:
  void blocks(std::int64_t positions, const char* otherwise) const {
    const std::int64_t max_blocks = batch_.block_tables.dim(1);
    require(positions <= max_blocks * spec_.block_size, otherwise);
    const auto* const table = batch_.block_tables.as<const std::int32_t>() + seq_ * max_blocks;
    for (std::int64_t i = 0; i * spec_.block_size < positions; ++i) {
      require(table[i] >= 0 && table[i] < spec_.num_blocks, "a block id is outside the cache");
    }
  }

  void tail(std::int64_t positions) const {
    const std::int64_t max_tail = batch_.tail_slots.dim(1);
    require(positions <= max_tail, "its tail exceeds tail_slots");
    const auto* const slots = batch_.tail_slots.as<const std::int32_t>() + seq_ * max_tail;
    const std::int64_t num_slots = std::int64_t{spec_.num_blocks} * spec_.block_size;
    for (std::int64_t i = 0; i < positions; ++i) {
      require(slots[i] >= 0 && slots[i] < num_slots, "a tail slot is outside the cache");
    }
  }

  void require(bool condition, const char* otherwise) const {
    if (condition) return;
    throw InternalError("batch: sequence " + std::to_string(seq_) + ": " + otherwise);
  }

  const BatchView& batch_;
  const KvCacheSpec& spec_;
  const std::int64_t seq_;
  const std::int64_t context_;
};

}  // namespace

void check_batch(const BatchView& batch, const KvCacheSpec& spec) {
  const auto* const query_start = batch.query_start.as<const std::int32_t>();
  PARAPET_CHECK(query_start[0] == 0);
  PARAPET_CHECK(query_start[batch.num_seqs()] == batch.num_tokens());
  for (std::int64_t seq = 0; seq < batch.num_seqs(); ++seq) {
    SequenceChecker(batch, spec, seq).run();
  }
}

}  // namespace parapet
