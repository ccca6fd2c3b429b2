// Checks of index tensors before they are used as addresses. Their values come from our scheduler,
// so a bad one is a bug of ours: InternalError, which the stream reports.
#pragma once

#include <cstdint>

#include "device/ops.h"

namespace parapet {

// Each value of an i32 tensor lies in [0, limit).
void check_indices(const char* name, const TensorView& indices, std::int64_t limit);

// Sequences follow each other over all tokens, and each context lies in blocks and tail slots of
// the cache.
void check_batch(const BatchView& batch, const KvCacheSpec& spec);

}  // namespace parapet
