// The tensors of a checkpoint's files against those that its configuration calls for.
#pragma once

#include <filesystem>
#include <vector>

#include "checkpoint/shards.h"
#include "checkpoint/weights.h"

namespace parapet {

// One tensor for each of expected_tensors(config), in that order, pointing into the shards.
// Refuses missing and unexpected tensors, other shapes, types this build does not compute with,
// addresses that are not aligned, parts of a fused projection that differ in type, and norm scales
// that are not finite. `directory` stands in errors.
Result<std::vector<WeightTensor>> match_tensors(const std::filesystem::path& directory,
                                                const std::vector<Shard>& shards,
                                                const ModelConfig& config);

}  // namespace parapet
