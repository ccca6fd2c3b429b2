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

void check_batch(const BatchView& batch, const KvCacheSpec& spec) {
  const auto* const query_start = batch.query_start.as<const std::int32_t>();
  const auto* const context_lens = batch.context_lens.as<const std::int32_t>();
  const auto* const tables = batch.block_tables.as<const std::int32_t>();
  const std::int64_t max_blocks = batch.block_tables.dim(1);
  const auto require = [](bool condition, std::int64_t seq, const char* what) {
    if (!condition) throw InternalError("batch: sequence " + std::to_string(seq) + ": " + what);
  };

  PARAPET_CHECK(query_start[0] == 0);
  PARAPET_CHECK(query_start[batch.num_seqs()] == batch.num_tokens());
  for (std::int64_t seq = 0; seq < batch.num_seqs(); ++seq) {
    const std::int64_t context = context_lens[seq];
    const std::int64_t queries = std::int64_t{query_start[seq + 1]} - query_start[seq];
    require(queries >= 0, seq, "query_start decreases");
    require(context >= queries, seq, "context_lens is less than its query tokens");
    require(context <= max_blocks * spec.block_size, seq, "context_lens exceeds the block table");
    const std::int64_t blocks = (context + spec.block_size - 1) / spec.block_size;
    for (std::int64_t i = 0; i < blocks; ++i) {
      const std::int32_t block = tables[seq * max_blocks + i];
      require(block >= 0 && block < spec.num_blocks, seq, "a block id is outside the cache");
    }
  }
}

}  // namespace parapet
