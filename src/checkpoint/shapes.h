// The published sizes of Qwen3Guard-Gen, for work on dummy weights without a checkpoint.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "checkpoint/config.h"
#include "parapet/error.h"

namespace parapet {

// "0.6b", "4b", "8b", with or without "qwen3guard-" before them; and "tiny", two small layers: next
// to nothing to compute, so that what is left is the engine.
Result<ModelConfig> config_of_shape(std::string_view name);
std::vector<std::string> shape_names();

}  // namespace parapet
