#include "checkpoint/stored_tensors.h"

namespace parapet {
namespace {

constexpr std::string_view kFloats[] = {"BF16", "F16", "F32"};
constexpr std::string_view kBf16[] = {"BF16"};
constexpr std::string_view kU8[] = {"U8"};
constexpr std::string_view kI8[] = {"I8"};
constexpr std::string_view kI32[] = {"I32"};
constexpr std::string_view kIntegers[] = {"I64", "I32"};

constexpr std::int64_t divided_up(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

StoredTensor dense_tensor(const ExpectedTensor& expected) {
  return {.parts = {{expected.name, expected.shape, kFloats}}};
}

StoredTensor compressed_tensor(const ExpectedTensor& expected,
                               const CompressedTensorsScheme& scheme) {
  const std::int64_t out = expected.shape[0];
  const std::int64_t in = expected.shape[1];
  const std::int64_t scales = scheme.group_size == 0 ? 1 : divided_up(in, scheme.group_size);
  StoredTensor tensor;
  tensor.packed = {scheme.format, out, in, scheme.packed_group_size()};
  if (scheme.packed) {
    tensor.storage = Storage::kPackQuantized;
    const std::int64_t words = divided_up(in * weight_bits(scheme.format), 32);
    tensor.parts.push_back({expected.name + "_packed", {out, words}, kI32});
    tensor.parts.push_back({expected.name + "_scale", {out, scales}, kFloats});
    tensor.parts.push_back({expected.name + "_shape", {2}, kIntegers});
  } else {
    tensor.storage = Storage::kIntQuantized;
    tensor.parts.push_back({expected.name, {out, in}, kI8});
    tensor.parts.push_back({expected.name + "_scale", {out, scales}, kFloats});
  }
  return tensor;
}

bool is_compressed(const ExpectedTensor& expected, const EntryLookup& find) {
  if (expected.role == TensorRole::kNorm || expected.role == TensorRole::kEmbedding) return false;
  if (find(expected.name + "_scale") != nullptr) return true;
  if (find(expected.name + "_packed") != nullptr) return true;
  const SafetensorsEntry* dense = find(expected.name);
  return dense != nullptr && dense->dtype_name == "I8";
}

}  // namespace

StoredTensor panels_tensor(const ExpectedTensor& expected, const PackedShape& packed) {
  const std::int64_t panels = packed.panels();
  const std::int64_t groups = packed.groups();
  StoredTensor tensor{
      .storage = Storage::kPanels,
      .packed = packed,
      .parts = {{expected.name + "_codes", {panels, groups, packed.group_bytes()}, kU8},
                {expected.name + "_scales", {panels, groups, kPanelFeatures}, kBf16}}};
  if (packed.has_input_factors) {
    tensor.parts.push_back({expected.name + "_input_factors", {packed.in_features}, kBf16});
  }
  return tensor;
}

StoredTensor stored_tensor(const ExpectedTensor& expected, const ModelConfig& config,
                           const EntryLookup& find) {
  if (config.quantization) {
    const auto packed = packed_shape(expected, *config.quantization);
    return packed ? panels_tensor(expected, *packed) : dense_tensor(expected);
  }
  if (config.compressed_tensors && is_compressed(expected, find)) {
    return compressed_tensor(expected, *config.compressed_tensors);
  }
  return dense_tensor(expected);
}

}  // namespace parapet
