// The "model" object of tokenizer.json: vocabulary and merges.
#pragma once

#include <cstdint>

#include "base/json.h"
#include "parapet/error.h"
#include "text/bpe.h"

namespace parapet {

// Ids are below this: eight times the largest published vocabulary, and it bounds what a wrong id
// can make us allocate.
inline constexpr std::int64_t kMaxTokenIds = std::int64_t{1} << 21;

Result<BpeModel> read_bpe_model(const JsonObject& model);

}  // namespace parapet
