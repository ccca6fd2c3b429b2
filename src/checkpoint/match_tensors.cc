#include "checkpoint/match_tensors.h"

#include <algorithm>
#include <cmath>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include "base/check.h"
#include "base/quote.h"
#include "checkpoint/fused_matrices.h"
#include "checkpoint/tensor_values.h"

namespace parapet {
namespace {

constexpr std::size_t kNamesInMessage = 3;

std::string shape_text(const std::vector<std::int64_t>& shape) {
  std::string text = "[";
  for (const std::int64_t extent : shape) {
    text.append(text.size() > 1 ? ", " : "").append(std::to_string(extent));
  }
  return text + "]";
}

// "BF16, F16 and F32 are", "U8 is".
std::string dtype_list(std::span<const std::string_view> names) {
  std::string list;
  for (std::size_t i = 0; i < names.size(); ++i) {
    list.append(i == 0 ? "" : i + 1 == names.size() ? " and " : ", ").append(names[i]);
  }
  return list + (names.size() == 1 ? " is" : " are");
}

// "3 missing tensors: "a", "b", "c"".
std::string name_list(const char* kind, const std::vector<std::string>& names) {
  std::string text = std::to_string(names.size()) + " " + kind + " tensor";
  if (names.size() > 1) text.push_back('s');
  for (std::size_t i = 0; i < names.size() && i < kNamesInMessage; ++i) {
    text.append(i == 0 ? ": " : ", ").append(quote(names[i]));
  }
  return names.size() > kNamesInMessage ? text + ", ..." : text;
}

// What savers leave in a checkpoint although the forward does not read it: a buffer that follows
// from the configuration, and the output matrix where it is the embedding's by definition.
bool is_ignored(std::string_view name, const ModelConfig& config) {
  return name.ends_with(".rotary_emb.inv_freq") ||
         (config.tie_word_embeddings && name == "lm_head.weight");
}

// What compressed-tensors may add to a matrix, and we do not compute with.
const char* hint_for(std::string_view name) {
  if (name.ends_with(".weight_zero_point")) return "; zero points are not supported";
  if (name.ends_with(".weight_g_idx")) return "; reordered groups are not supported";
  if (name.ends_with(".input_scale")) return "; static activation scales are not supported";
  return "";
}

Status check_entry(const FilePart& found, const StoredPart& stored) {
  const SafetensorsEntry& entry = *found.entry;
  if (std::find(stored.dtypes.begin(), stored.dtypes.end(), entry.dtype_name) ==
      stored.dtypes.end()) {
    return Error{ErrorCode::kUnsupported,
                 found.where() + ": dtype " + std::string(entry.dtype_name) +
                     " is not supported; only " + dtype_list(stored.dtypes)};
  }
  if (entry.shape != stored.shape) {
    return Error{ErrorCode::kCorrupt, found.where() + ": shape " + shape_text(entry.shape) +
                                          "; config.json calls for " + shape_text(stored.shape)};
  }
  const auto offset =
      static_cast<std::uint64_t>(entry.data.data() - found.shard->file.bytes().data());
  const std::uint64_t element_size =
      entry.data.size() / static_cast<std::uint64_t>(num_elements(entry.shape));
  if (offset % element_size == 0) return {};
  return Error{ErrorCode::kUnsupported,
               found.where() + ": " + std::string(entry.dtype_name) + " data at byte " +
                   std::to_string(offset) +
                   " of the file, which is not a multiple of its size; save it again with "
                   "safetensors 0.3 or later, which aligns"};
}

using EntryIndex = std::unordered_map<std::string_view, FilePart>;

EntryIndex index_entries(const std::vector<Shard>& shards) {
  EntryIndex index;
  for (const Shard& shard : shards) {
    for (const SafetensorsEntry& entry : shard.tensors) {
      index.emplace(entry.name, FilePart{&shard, &entry});
    }
  }
  return index;
}

// Entries that no expected tensor is made of: ignored or refused.
Status check_unexpected(const std::vector<Shard>& shards, const ModelConfig& config,
                        const std::unordered_set<std::string_view>& known) {
  for (const Shard& shard : shards) {
    std::vector<std::string> unexpected;
    for (const SafetensorsEntry& entry : shard.tensors) {
      if (known.contains(entry.name) || is_ignored(entry.name, config)) continue;
      unexpected.push_back(entry.name);
    }
    if (unexpected.empty()) continue;
    return Error{ErrorCode::kUnsupported,
                 shard.path.string() + ": " + name_list("unexpected", unexpected) +
                     "; not part of a " + config.architecture + hint_for(unexpected.front())};
  }
  return {};
}

// All parts of all tensors, found or refused.
Status match_entries(const std::filesystem::path& directory, const std::vector<Shard>& shards,
                     const ModelConfig& config, const std::vector<StoredTensor>& stored,
                     const EntryIndex& index, std::vector<MatchedTensor>& matches) {
  std::unordered_set<std::string_view> known;
  std::vector<std::string> missing;
  for (const StoredTensor& tensor : stored) {
    MatchedTensor& match = matches.emplace_back(MatchedTensor{tensor.storage, tensor.packed, {}});
    for (const StoredPart& part : tensor.parts) {
      known.insert(part.name);
      const auto found = index.find(part.name);
      if (found == index.end()) {
        missing.push_back(part.name);
        continue;
      }
      PARAPET_TRY(check_entry(found->second, part));
      match.parts.push_back(found->second);
    }
  }
  PARAPET_TRY(check_unexpected(shards, config, known));
  if (missing.empty()) return {};
  return Error{ErrorCode::kNotFound, directory.string() + ": " + name_list("missing", missing)};
}

// Scales are few and touch every activation: one NaN there would reach every verdict.
Status check_finite(const FilePart& part, const char* kind) {
  const WeightTensor scales = part.tensor();
  const auto bad = first_not_finite(scales);
  if (!bad) return {};
  return Error{ErrorCode::kNumeric,
               part.where() + ": " + element_text(scales, *bad) + "; " + kind + " must be finite"};
}

// An input times a factor of 0 is lost, and an infinite one is everything.
Status check_factors(const FilePart& part) {
  const WeightTensor factors = part.tensor();
  for (std::int64_t i = 0; i < factors.shape[0]; ++i) {
    const float factor = element(factors, i);
    if (std::isfinite(factor) && factor > 0) continue;
    return Error{ErrorCode::kNumeric, part.where() + ": " + element_text(factors, i) +
                                          "; factors of inputs must be finite and above 0"};
  }
  return {};
}

// "bfloat16", "int8"
std::string type_of(const MatchedTensor& match) {
  if (match.storage == Storage::kDense) return dtype_name(*match.parts[0].entry->dtype);
  return weight_format_name(match.packed.format);
}

// Projections that the forward computes as one matrix must be of one type: q, k and v; gate and up.
Status check_fused_type(const MatchedTensor& first, std::string_view first_name,
                        const MatchedTensor& next) {
  if (type_of(first) == type_of(next)) return {};
  return Error{ErrorCode::kUnsupported, next.parts[0].where() + ": " + type_of(next) + ", but " +
                                            quote(first_name) + " is " + type_of(first) +
                                            "; the two must be of one dtype"};
}

// They have one input, and so one set of factors for it.
Status check_fused_factors(const MatchedTensor& first, std::string_view first_name,
                           const MatchedTensor& next) {
  if (!next.packed.has_input_factors) return {};
  const FilePart& factors = next.parts[kFactorsPart];
  if (std::ranges::equal(factors.entry->data, first.parts[kFactorsPart].entry->data)) return {};
  return Error{ErrorCode::kCorrupt, factors.where() + ": differs from that of " +
                                        quote(first_name) +
                                        "; the two have the same inputs, so the same factors"};
}

Status check_values(const std::vector<ExpectedTensor>& expected,
                    const std::vector<MatchedTensor>& matches) {
  std::unordered_map<std::string_view, const MatchedTensor*> match_of;
  for (std::size_t i = 0; i < expected.size(); ++i) match_of[expected[i].name] = &matches[i];
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const MatchedTensor& match = matches[i];
    if (expected[i].role == TensorRole::kNorm) {
      PARAPET_TRY(check_finite(match.parts[0], "norm scales"));
    }
    if (match.storage != Storage::kDense) PARAPET_TRY(check_finite(match.parts[1], "scales"));
    if (match.packed.has_input_factors) PARAPET_TRY(check_factors(match.parts[kFactorsPart]));
    const std::string first = fused_matrices(expected[i].name).front();
    if (first == expected[i].name) continue;
    PARAPET_TRY(check_fused_type(*match_of.at(first), first, match));
    PARAPET_TRY(check_fused_factors(*match_of.at(first), first, match));
  }
  return {};
}

}  // namespace

std::string FilePart::where() const {
  return shard->path.string() + ": tensor " + quote(entry->name);
}

WeightTensor FilePart::tensor() const {
  PARAPET_CHECK(entry->dtype.has_value());
  return {entry->data.data(), *entry->dtype, entry->shape};
}

Result<std::vector<MatchedTensor>> match_tensors(const std::filesystem::path& directory,
                                                 const std::vector<Shard>& shards,
                                                 const ModelConfig& config) {
  const EntryIndex index = index_entries(shards);
  const EntryLookup find = [&](const std::string& name) -> const SafetensorsEntry* {
    const auto found = index.find(name);
    return found == index.end() ? nullptr : found->second.entry;
  };
  const std::vector<ExpectedTensor> expected = expected_tensors(config);
  std::vector<StoredTensor> stored;
  for (const ExpectedTensor& tensor : expected) {
    stored.push_back(stored_tensor(tensor, config, find));
  }
  std::vector<MatchedTensor> matches;
  PARAPET_TRY(match_entries(directory, shards, config, stored, index, matches));
  PARAPET_TRY(check_values(expected, matches));
  return matches;
}

}  // namespace parapet
