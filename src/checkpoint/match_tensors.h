// The tensors of a checkpoint's files against those that its configuration calls for.
#pragma once

#include <filesystem>
#include <vector>

#include "checkpoint/shards.h"
#include "checkpoint/stored_tensors.h"
#include "checkpoint/weights.h"

namespace parapet {

// One entry of one file.
struct FilePart {
  const Shard* shard = nullptr;
  const SafetensorsEntry* entry = nullptr;

  // "FILE: tensor NAME", for messages.
  std::string where() const;
  // Of a dense tensor, or of scales.
  WeightTensor tensor() const;
};

struct MatchedTensor {
  Storage storage = Storage::kDense;
  PackedShape packed;           // unless it is dense
  std::vector<FilePart> parts;  // in the order of Storage
};

// One for each of expected_tensors(config), in that order, pointing into the shards. Refuses
// missing and unexpected entries, other shapes, types this build does not compute with, addresses
// that are not aligned, parts of a fused projection that differ in type, and scales, of norms or of
// quantization, that are not finite. `directory` stands in errors.
Result<std::vector<MatchedTensor>> match_tensors(const std::filesystem::path& directory,
                                                 const std::vector<Shard>& shards,
                                                 const ModelConfig& config);

}  // namespace parapet
