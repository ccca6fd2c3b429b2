#include "checkpoint/safetensors_layout.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdio>
#include <cstring>
#include <utility>

namespace parapet {
namespace {

constexpr std::uint64_t kAlignment = 64;

std::uint64_t alignment_of(std::uint64_t bytes) {
  return bytes == 0 ? kAlignment
                    : std::min(kAlignment, std::uint64_t{1} << std::countr_zero(bytes));
}

std::string shard_name(std::size_t index, std::size_t count) {
  if (count == 1) return "model.safetensors";
  std::array<char, 64> name{};
  std::snprintf(name.data(), name.size(), "model-%05zu-of-%05zu.safetensors", index + 1, count);
  return name.data();
}

// {"NAME":{"dtype":"U8","shape":[2,3],"data_offsets":[0,6]},...}, offsets from the first tensor on.
std::string header_json(const std::vector<NewEntry>& entries) {
  std::string json = R"({"__metadata__":{"format":"pt"})";
  for (const NewEntry& entry : entries) {
    json.append(",\"").append(entry.name).append(R"(":{"dtype":")").append(entry.dtype);
    json.append(R"(","shape":[)");
    for (std::size_t i = 0; i < entry.shape.size(); ++i) {
      json.append(i == 0 ? "" : ",").append(std::to_string(entry.shape[i]));
    }
    json.append(R"(],"data_offsets":[)").append(std::to_string(entry.offset)).append(",");
    json.append(std::to_string(entry.offset + entry.bytes)).append("]}");
  }
  return json + "}";
}

// The format knows no gaps: what has an odd size comes last, so that it displaces nothing.
void place(NewFile& file) {
  std::stable_sort(file.entries.begin(), file.entries.end(),
                   [](const NewEntry& a, const NewEntry& b) {
                     return alignment_of(a.bytes) > alignment_of(b.bytes);
                   });
  std::uint64_t offset = 0;
  for (NewEntry& entry : file.entries) {
    entry.offset = offset;
    offset += entry.bytes;
  }
  const std::string json = header_json(file.entries);
  std::uint64_t length = json.size();
  length += (kAlignment - (sizeof length + length) % kAlignment) % kAlignment;
  file.header.assign(sizeof length, '\0');
  std::memcpy(file.header.data(), &length, sizeof length);
  file.header.append(json).append(length - json.size(), ' ');
  for (NewEntry& entry : file.entries) entry.offset += file.header.size();
  file.bytes = file.header.size() + offset;
}

}  // namespace

std::vector<NewFile> lay_out(std::vector<NewEntry> entries, std::uint64_t max_bytes) {
  std::vector<NewFile> files(1);
  std::uint64_t bytes = 0;
  for (NewEntry& entry : entries) {
    if (bytes + entry.bytes > max_bytes && bytes > 0) {
      files.emplace_back();
      bytes = 0;
    }
    bytes += entry.bytes;
    files.back().entries.push_back(std::move(entry));
  }
  for (std::size_t i = 0; i < files.size(); ++i) {
    files[i].name = shard_name(i, files.size());
    place(files[i]);
  }
  return files;
}

std::string index_json(const std::vector<NewFile>& files) {
  std::uint64_t bytes = 0;
  std::string map;
  for (const NewFile& file : files) {
    for (const NewEntry& entry : file.entries) {
      bytes += entry.bytes;
      map.append(map.empty() ? "\n    \"" : ",\n    \"").append(entry.name);
      map.append("\": \"").append(file.name).append("\"");
    }
  }
  return "{\n  \"metadata\": {\n    \"total_size\": " + std::to_string(bytes) +
         "\n  },\n  \"weight_map\": {" + map + "\n  }\n}\n";
}

}  // namespace parapet
