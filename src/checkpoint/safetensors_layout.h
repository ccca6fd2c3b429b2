// Where tensors go in the safetensors files of a new checkpoint.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace parapet {

struct NewEntry {
  std::string name;
  std::string dtype;  // as the format names it
  std::vector<std::int64_t> shape;
  std::uint64_t bytes = 0;
  std::uint64_t offset = 0;  // in the file; filled by lay_out()
};

struct NewFile {
  std::string name;
  std::string header;  // length, JSON and padding: all that stands before the first tensor
  std::vector<NewEntry> entries;
  std::uint64_t bytes = 0;
};

// The hub's size of a shard.
inline constexpr std::uint64_t kMaxShardBytes = 5'000'000'000;

// Splits entries, in their order, over files of at most max_bytes of data (an entry that is larger
// has one of its own) and gives each its place: at a multiple of 64 in the file wherever the sizes
// of the others allow it, always at a multiple of its size's largest power of two up to 64. One
// file is model.safetensors, several are model-00001-of-0000N.safetensors.
std::vector<NewFile> lay_out(std::vector<NewEntry> entries,
                             std::uint64_t max_bytes = kMaxShardBytes);

// The text of model.safetensors.index.json.
std::string index_json(const std::vector<NewFile>& files);

}  // namespace parapet
