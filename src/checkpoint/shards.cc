#include "checkpoint/shards.h"

#include <map>
#include <string_view>
#include <system_error>

#include "base/check.h"
#include "base/quote.h"
#include "checkpoint/shard_index.h"

namespace parapet {
namespace {

namespace fs = std::filesystem;

bool is_present(const fs::path& file) {
  std::error_code ignored;  // one that cannot be looked at is reported when it is opened
  return fs::exists(file, ignored);
}

Result<Shard> open_shard(const fs::path& path) {
  PARAPET_ASSIGN(MappedFile file, MappedFile::open(path));
  PARAPET_ASSIGN(std::vector<SafetensorsEntry> tensors,
                 parse_safetensors(path.string(), file.bytes()));
  return Shard{path, std::move(file), std::move(tensors)};
}

// Which shard holds a tensor; views of names that live as long as the shards.
using Holders = std::map<std::string_view, const Shard*>;

Result<Holders> find_holders(const std::vector<Shard>& shards) {
  Holders holders;
  for (const Shard& shard : shards) {
    for (const SafetensorsEntry& tensor : shard.tensors) {
      const auto [found, is_new] = holders.emplace(tensor.name, &shard);
      if (is_new) continue;
      return Error{ErrorCode::kCorrupt, shard.path.string() + ": tensor " + quote(tensor.name) +
                                            " stands in " +
                                            found->second->path.filename().string() + " as well"};
    }
  }
  return holders;
}

// Every tensor of this shard is listed as standing in it.
Status check_listed(const Shard& shard, const ShardIndex& index) {
  const std::string file_name = shard.path.filename().string();
  for (const SafetensorsEntry& tensor : shard.tensors) {
    const auto listed = index.shard_of.find(tensor.name);
    if (listed != index.shard_of.end() && listed->second == file_name) continue;
    return Error{ErrorCode::kCorrupt,
                 shard.path.string() + ": tensor " + quote(tensor.name) + " is here, but " +
                     index.file_name +
                     (listed == index.shard_of.end() ? " does not list it"
                                                     : " lists it in " + quote(listed->second))};
  }
  return {};
}

// Every tensor that the index lists stands in some shard.
Status check_present(const Holders& holders, const ShardIndex& index) {
  for (const auto& [name, shard] : index.shard_of) {
    if (holders.contains(name)) continue;
    return Error{ErrorCode::kNotFound, index.file_name + ": tensor " + quote(name) +
                                           " is listed in " + quote(shard) +
                                           ", which does not hold it"};
  }
  return {};
}

Result<std::vector<Shard>> open_indexed(const fs::path& directory, const fs::path& index_file) {
  PARAPET_ASSIGN(const ShardIndex index, ShardIndex::read(index_file));
  std::vector<Shard> shards;
  for (const std::string& file_name : index.shards) {
    PARAPET_ASSIGN(Shard shard, open_shard(directory / file_name));
    shards.push_back(std::move(shard));
  }
  PARAPET_ASSIGN(const Holders holders, find_holders(shards));
  for (const Shard& shard : shards) PARAPET_TRY(check_listed(shard, index));
  PARAPET_TRY(check_present(holders, index));
  return shards;
}

}  // namespace

Result<std::vector<Shard>> open_shards(const fs::path& directory) {
  const fs::path single = directory / "model.safetensors";
  const fs::path index = directory / "model.safetensors.index.json";
  if (!is_present(single) && is_present(index)) return open_indexed(directory, index);
  if (!is_present(single)) {
    return Error{ErrorCode::kNotFound, directory.string() +
                                           ": holds neither model.safetensors nor "
                                           "model.safetensors.index.json; weights are read from "
                                           "safetensors files only"};
  }
  std::vector<Shard> shards;
  PARAPET_ASSIGN(Shard shard, open_shard(single));
  shards.push_back(std::move(shard));
  return shards;
}

}  // namespace parapet
