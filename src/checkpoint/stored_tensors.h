// The entries of safetensors files that hold a tensor: one where it is dense, several where it is
// quantized.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "checkpoint/config.h"
#include "checkpoint/safetensors.h"
#include "checkpoint/weights.h"

namespace parapet {

// In brackets: the entries, in the order of StoredTensor::parts.
enum class Storage : std::uint8_t {
  kDense,          // [NAME]
  kPanels,         // [NAME_codes, NAME_scales], with factors NAME_input_factors, too;
                   // base/packed_weight.h has their layout
  kIntQuantized,   // compressed-tensors: [NAME in I8, NAME_scale]
  kPackQuantized,  // compressed-tensors: [NAME_packed, NAME_scale, NAME_shape]
};

inline constexpr std::size_t kFactorsPart = 2;  // of a tensor in panels, where it has factors

struct StoredPart {
  std::string name;
  std::vector<std::int64_t> shape;
  std::span<const std::string_view> dtypes;  // the file may hold it in any of these
};

struct StoredTensor {
  Storage storage = Storage::kDense;
  PackedShape packed = {};  // what it becomes, unless it is dense
  std::vector<StoredPart> parts = {};
};

// An entry of the checkpoint's files by its name, or null.
using EntryLookup = std::function<const SafetensorsEntry*(const std::string& name)>;

// What a checkpoint of this configuration holds of a tensor. compressed-tensors leaves open which
// matrices are quantized: there the files tell.
StoredTensor stored_tensor(const ExpectedTensor& expected, const ModelConfig& config,
                           const EntryLookup& find);

// A matrix as this program writes it.
StoredTensor panels_tensor(const ExpectedTensor& expected, const PackedShape& packed);

}  // namespace parapet
