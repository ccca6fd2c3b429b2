// model.safetensors.index.json: which shard holds which tensor.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "parapet/error.h"

namespace parapet {

struct ShardIndex {
  std::string file_name;                        // of the index, for messages
  std::vector<std::string> shards;              // file names, sorted, each once
  std::map<std::string, std::string> shard_of;  // tensor name -> shard

  static Result<ShardIndex> read(const std::filesystem::path& file);
  static Result<ShardIndex> parse(std::string name, std::string_view text);
};

}  // namespace parapet
