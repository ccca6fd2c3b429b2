#include "checkpoint/match_tensors.h"

#include <cmath>
#include <cstring>
#include <string_view>
#include <unordered_map>

#include "base/check.h"
#include "base/half.h"
#include "base/quote.h"

namespace parapet {
namespace {

constexpr std::size_t kNamesInMessage = 3;

// What is known of one expected tensor: empty until it is found.
struct Match {
  const Shard* shard = nullptr;
  WeightTensor tensor;
};

std::string shape_text(const std::vector<std::int64_t>& shape) {
  std::string text = "[";
  for (const std::int64_t extent : shape) {
    text.append(text.size() > 1 ? ", " : "").append(std::to_string(extent));
  }
  return text + "]";
}

std::string where(const Shard& shard, std::string_view tensor) {
  return shard.path.string() + ": tensor " + quote(tensor);
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

Result<WeightTensor> check_entry(const Shard& shard, const SafetensorsEntry& entry,
                                 const ExpectedTensor& expected) {
  if (!entry.dtype) {
    return Error{ErrorCode::kUnsupported, where(shard, entry.name) + ": dtype " +
                                              std::string(entry.dtype_name) +
                                              " is not supported; only BF16, F16 and F32 are"};
  }
  if (entry.shape != expected.shape) {
    return Error{ErrorCode::kCorrupt, where(shard, entry.name) + ": shape " +
                                          shape_text(entry.shape) + "; config.json calls for " +
                                          shape_text(expected.shape)};
  }
  const auto offset = static_cast<std::uint64_t>(entry.data.data() - shard.file.bytes().data());
  if (offset % dtype_size(*entry.dtype) != 0) {
    return Error{ErrorCode::kUnsupported,
                 where(shard, entry.name) + ": " + std::string(entry.dtype_name) +
                     " data at byte " + std::to_string(offset) +
                     " of the file, which is not a multiple of its size; save it again with "
                     "safetensors 0.3 or later, which aligns"};
  }
  return WeightTensor{entry.data.data(), *entry.dtype, entry.shape};
}

// All entries of all shards, each matched, ignored or refused.
Status match_entries(const std::vector<Shard>& shards, const ModelConfig& config,
                     const std::vector<ExpectedTensor>& expected, std::vector<Match>& matches) {
  std::unordered_map<std::string_view, std::size_t> index_of;
  for (std::size_t i = 0; i < expected.size(); ++i) index_of.emplace(expected[i].name, i);
  for (const Shard& shard : shards) {
    std::vector<std::string> unexpected;
    for (const SafetensorsEntry& entry : shard.tensors) {
      const auto found = index_of.find(entry.name);
      if (found == index_of.end()) {
        if (!is_ignored(entry.name, config)) unexpected.push_back(entry.name);
        continue;
      }
      PARAPET_ASSIGN(matches[found->second].tensor,
                     check_entry(shard, entry, expected[found->second]));
      matches[found->second].shard = &shard;
    }
    if (unexpected.empty()) continue;
    return Error{ErrorCode::kUnsupported, shard.path.string() + ": " +
                                              name_list("unexpected", unexpected) +
                                              "; not part of a " + config.architecture};
  }
  return {};
}

Status check_none_missing(const std::filesystem::path& directory,
                          const std::vector<ExpectedTensor>& expected,
                          const std::vector<Match>& matches) {
  std::vector<std::string> missing;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    if (matches[i].shard == nullptr) missing.push_back(expected[i].name);
  }
  if (missing.empty()) return {};
  return Error{ErrorCode::kNotFound, directory.string() + ": " + name_list("missing", missing)};
}

float element(const WeightTensor& tensor, std::int64_t index) {
  const auto* bytes = static_cast<const std::byte*>(tensor.data) +
                      index * static_cast<std::int64_t>(dtype_size(tensor.dtype));
  if (tensor.dtype == DType::kF32) {
    float value = 0;
    std::memcpy(&value, bytes, sizeof value);
    return value;
  }
  std::uint16_t bits = 0;
  std::memcpy(&bits, bytes, sizeof bits);
  return tensor.dtype == DType::kBF16 ? bf16_to_f32(bits) : f16_to_f32(bits);
}

// Norm scales are few and touch every activation: one NaN there would reach every verdict.
Status check_norm_scale(const Match& match, std::string_view name) {
  for (std::int64_t i = 0; i < match.tensor.shape.front(); ++i) {
    const float value = element(match.tensor, i);
    if (std::isfinite(value)) continue;
    return Error{ErrorCode::kNumeric, where(*match.shard, name) + ": element " + std::to_string(i) +
                                          " is " + std::to_string(value) +
                                          "; norm scales must be finite"};
  }
  return {};
}

// Projections that the forward computes as one matrix must be of one type: q, k and v; gate and up.
Status check_fused_dtype(const Match& first, std::string_view first_name, const Match& next,
                         std::string_view next_name) {
  if (first.tensor.dtype == next.tensor.dtype) return {};
  return Error{ErrorCode::kUnsupported,
               where(*next.shard, next_name) + ": " + dtype_name(next.tensor.dtype) + ", but " +
                   quote(first_name) + " is " + dtype_name(first.tensor.dtype) +
                   "; the two must be of one dtype"};
}

// The name of the projection that `name` is computed together with, or empty.
std::string fused_with(std::string_view name) {
  struct Pair {
    std::string_view next, first;
  };
  constexpr Pair kPairs[] = {{"self_attn.k_proj.weight", "self_attn.q_proj.weight"},
                             {"self_attn.v_proj.weight", "self_attn.q_proj.weight"},
                             {"mlp.up_proj.weight", "mlp.gate_proj.weight"}};
  for (const Pair& pair : kPairs) {
    if (!name.ends_with(pair.next)) continue;
    return std::string(name.substr(0, name.size() - pair.next.size())).append(pair.first);
  }
  return {};
}

Status check_values(const std::vector<ExpectedTensor>& expected,
                    const std::vector<Match>& matches) {
  std::unordered_map<std::string_view, const Match*> match_of;
  for (std::size_t i = 0; i < expected.size(); ++i) match_of[expected[i].name] = &matches[i];
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const std::string& name = expected[i].name;
    if (expected[i].shape.size() == 1) PARAPET_TRY(check_norm_scale(matches[i], name));
    const std::string first = fused_with(name);
    if (first.empty()) continue;
    PARAPET_TRY(check_fused_dtype(*match_of.at(first), first, matches[i], name));
  }
  return {};
}

}  // namespace

Result<std::vector<WeightTensor>> match_tensors(const std::filesystem::path& directory,
                                                const std::vector<Shard>& shards,
                                                const ModelConfig& config) {
  const std::vector<ExpectedTensor> expected = expected_tensors(config);
  std::vector<Match> matches(expected.size());
  PARAPET_TRY(match_entries(shards, config, expected, matches));
  PARAPET_TRY(check_none_missing(directory, expected, matches));
  PARAPET_TRY(check_values(expected, matches));
  std::vector<WeightTensor> tensors;
  tensors.reserve(matches.size());
  for (Match& match : matches) tensors.push_back(std::move(match.tensor));
  return tensors;
}

}  // namespace parapet
