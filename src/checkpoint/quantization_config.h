// config.json's quantization_config, checked.
#pragma once

#include "base/json.h"
#include "checkpoint/config.h"

namespace parapet {

// Fills config.quantization or config.compressed_tensors from the field of config.json's `json`,
// where there is one; config.num_hidden_layers is known. Another method, or a parameter of a known
// one that this build does not compute with, is refused by its name.
Status read_quantization(const JsonObject& json, ModelConfig& config);

}  // namespace parapet
