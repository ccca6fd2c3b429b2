#include "checkpoint/shard_index.h"

#include <set>

#include "base/check.h"
#include "base/file.h"
#include "base/json.h"
#include "base/quote.h"

namespace parapet {
namespace {

constexpr std::size_t kMaxIndexBytes = std::size_t{64} << 20;  // an 8B checkpoint's holds 33 KB

// A shard lies beside its index: a name that leads anywhere else could read any file.
bool is_plain_file_name(std::string_view name) {
  constexpr std::string_view kSuffix = ".safetensors";
  return name.size() > kSuffix.size() && name.ends_with(kSuffix) && name.front() != '.' &&
         name.find_first_of(std::string_view("/\\\0", 3)) == std::string_view::npos;
}

}  // namespace

Result<ShardIndex> ShardIndex::parse(std::string name, std::string_view text) {
  PARAPET_ASSIGN(const JsonDocument document, JsonDocument::parse(name, text));
  PARAPET_ASSIGN(const JsonObject json, document.object());
  PARAPET_ASSIGN(const JsonObject map, json.object("weight_map"));
  ShardIndex index{std::move(name), {}, {}};
  std::set<std::string> shards;
  for (const auto& field : map.fields()) {
    std::string_view shard;
    if (field.value.get(shard) != simdjson::SUCCESS || !is_plain_file_name(shard)) {
      return map.error(ErrorCode::kCorrupt, quote(field.key),
                       (field.value.is_string() ? quote(shard) : json_type_name(field.value)) +
                           std::string("; expected the name of a .safetensors file in the same "
                                       "folder, without a path"));
    }
    index.shard_of.emplace(field.key, shard);
    shards.emplace(shard);
  }
  if (shards.empty()) return json.error(ErrorCode::kCorrupt, "weight_map", "names no shard");
  index.shards.assign(shards.begin(), shards.end());
  return index;
}

Result<ShardIndex> ShardIndex::read(const std::filesystem::path& file) {
  PARAPET_ASSIGN(const std::string text, read_file(file, kMaxIndexBytes));
  return parse(file.string(), text);
}

}  // namespace parapet
