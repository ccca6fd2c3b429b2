// The safetensors files of a checkpoint folder, mapped, their headers checked against each other.
#pragma once

#include <filesystem>
#include <vector>

#include "base/file.h"
#include "checkpoint/safetensors.h"
#include "parapet/error.h"

namespace parapet {

struct Shard {
  std::filesystem::path path;
  MappedFile file;
  std::vector<SafetensorsEntry> tensors;  // their data lie in `file`
};

// model.safetensors where there is one, else every shard of model.safetensors.index.json (the
// order in which transformers looks). No tensor stands in two files, and index and shards agree.
Result<std::vector<Shard>> open_shards(const std::filesystem::path& directory);

}  // namespace parapet
