#include "checkpoint/dummy_random.h"

#include <algorithm>
#include <bit>

#include "base/check.h"
#include "base/half.h"

namespace parapet {
namespace {

constexpr std::uint64_t kGolden = 0x9e3779b97f4a7c15;  // 2^64 / golden ratio, odd

// The finalizer of SplitMix64 (Steele, Lea and Flood 2014).
std::uint64_t mix64(std::uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

std::uint64_t block_key(const DummyBlock& block) {
  std::uint64_t key = mix64(block.seed + kGolden);
  key = mix64(key + (block.tensor + 1) * kGolden);
  return mix64(key + (block.block + 1) * kGolden);
}

// A 32-bit finalizer: two multiplications that every vector unit has. The high half of the key
// comes in between them, so that two blocks never run through the same sequence, shifted.
std::uint32_t mix32(std::uint32_t x, std::uint32_t key) {
  x = (x ^ (x >> 16)) * 0x21f0aaadU;
  x = (x ^ (x >> 15) ^ key) * 0xd35a2d97U;
  return x ^ (x >> 15);
}

// Four independent uniform bytes summed, centred: -510 ... 510.
std::int32_t centred_byte_sum(std::uint32_t x) {
  const std::uint32_t pairs = (x & 0x00ff00ffU) + ((x >> 8) & 0x00ff00ffU);
  return static_cast<std::int32_t>((pairs + (pairs >> 16)) & 0x7ffU) - 510;
}

// sqrt(4 * (256^2 - 1) / 12): the deviation of that sum.
constexpr float kByteSumDeviation = 147.8005F;

// Branch-free and without aliasing, so that the compiler makes vector code of it.
template <class T, class Round>
void fill(const DummyBlock& block, T* __restrict out, std::int64_t count, Round round) {
  const std::uint64_t key = block_key(block);
  const auto start = static_cast<std::uint32_t>(key);
  const auto tweak = static_cast<std::uint32_t>(key >> 32);
  const float mean = block.mean;
  const float scale = block.deviation / kByteSumDeviation;
  const auto n = static_cast<std::uint32_t>(count);
  for (std::uint32_t i = 0; i < n; ++i) {
    const std::int32_t sum = centred_byte_sum(mix32(start + i, tweak));
    out[i] = round(mean + scale * static_cast<float>(sum));
  }
}

// f32_to_bf16 for finite values: without its branch for NaN the loop above vectorizes.
std::uint16_t finite_to_bf16(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  return static_cast<std::uint16_t>((bits + 0x7fffU + ((bits >> 16) & 1U)) >> 16);
}

}  // namespace

void fill_dummy_block(const DummyBlock& block, DType dtype, void* out, std::int64_t count) {
  PARAPET_CHECK(count >= 0 && count <= kDummyBlockElements);
  PARAPET_CHECK(dtype == DType::kBF16 || dtype == DType::kF32);
  if (dtype == DType::kBF16) {
    fill(block, static_cast<std::uint16_t*>(out), count, finite_to_bf16);
  } else {
    fill(block, static_cast<float*>(out), count, [](float value) { return value; });
  }
}

std::vector<std::int64_t> dummy_outlier_columns(std::uint64_t seed, std::uint64_t tensor,
                                                std::int64_t fan_in) {
  constexpr std::int64_t kColumnsPerOutlier = 512;
  constexpr std::uint64_t kNoBlock = ~std::uint64_t{0} - 1;  // no tensor has so many
  const auto wanted = static_cast<std::size_t>(fan_in / kColumnsPerOutlier);
  std::uint64_t state = block_key({.seed = seed, .tensor = tensor, .block = kNoBlock});
  std::vector<std::int64_t> columns;
  while (columns.size() < wanted) {
    state += kGolden;
    const auto column =
        static_cast<std::int64_t>(mix64(state) % static_cast<std::uint64_t>(fan_in));
    if (std::ranges::find(columns, column) == columns.end()) columns.push_back(column);
  }
  std::ranges::sort(columns);
  return columns;
}

void enlarge_dummy_columns(const DummyBlock& block, std::span<const std::int64_t> columns,
                           std::int64_t fan_in, DType dtype, void* out, std::int64_t count) {
  // Of the block's first element, which need not begin a row.
  const auto first = static_cast<std::int64_t>(block.block) * kDummyBlockElements % fan_in;
  for (const std::int64_t column : columns) {
    for (std::int64_t i = (column - first + fan_in) % fan_in; i < count; i += fan_in) {
      if (dtype == DType::kBF16) {
        auto& value = static_cast<std::uint16_t*>(out)[i];
        value = f32_to_bf16(kDummyOutlierFactor * bf16_to_f32(value));
      } else {
        static_cast<float*>(out)[i] *= kDummyOutlierFactor;
      }
    }
  }
}

}  // namespace parapet
