#include "bench/random_matrix.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"

namespace parapet {
namespace {

constexpr std::int64_t kMaxCopies = 1024;

// SplitMix64 (Steele, Lea and Flood 2014).
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  std::uint64_t operator()() {
    std::uint64_t x = state_ += 0x9e3779b97f4a7c15;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
    x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
    return x ^ (x >> 31);
  }

 private:
  std::uint64_t state_;
};

// Sign and fraction are random; two random bits of the exponent give sizes from 2^-7 to 2^-4.
struct FloatBits {
  std::uint64_t random;  // which bits to keep
  std::uint64_t fixed;   // which to set
};
constexpr FloatBits float_bits(DType dtype) {
  switch (dtype) {
    case DType::kF32: return {0x81ffffff81ffffff, 0x3c0000003c000000};
    case DType::kBF16: return {0x81ff81ff81ff81ff, 0x3c003c003c003c00};
    default: return {0x8fff8fff8fff8fff, 0x2000200020002000};
  }
}
constexpr FloatBits kScales = {0x007f007f007f007f, 0x3c003c003c003c00};  // positive bfloat16
constexpr FloatBits kCodes = {~std::uint64_t{0}, 0x0101010101010101};    // int8 has no code 0

void fill(std::span<std::uint64_t> words, const FloatBits& bits, Random& random) {
  for (std::uint64_t& word : words) word = (random() & bits.random) | bits.fixed;
}

// Hands out parts of a memory that is large enough.
class Cursor {
 public:
  explicit Cursor(std::span<std::byte> memory) : rest_(memory) {}
  std::uint64_t* take(std::int64_t bytes, const FloatBits& bits, Random& random) {
    const std::size_t size = aligned_size(static_cast<std::uint64_t>(bytes));
    const std::span words(reinterpret_cast<std::uint64_t*>(rest_.data()), size / 8);
    rest_ = rest_.subspan(size);
    fill(words, bits, random);
    return words.data();
  }

 private:
  std::span<std::byte> rest_;
};

Result<std::unique_ptr<LinearWeight>> make_dense(Device& device, const MatrixFormat& format,
                                                 std::int64_t in,
                                                 std::span<const std::int64_t> outs, Cursor& cursor,
                                                 Random& random) {
  std::vector<TensorView> parts;
  for (const std::int64_t out : outs) {
    void* const data = cursor.take(format.bytes(in, out), float_bits(format.dtype), random);
    parts.emplace_back(data, format.dtype, std::initializer_list<std::int64_t>{out, in});
  }
  return device.load_linear(parts);
}

Result<std::unique_ptr<LinearWeight>> make_packed(Device& device, const MatrixFormat& format,
                                                  std::int64_t in,
                                                  std::span<const std::int64_t> outs,
                                                  Cursor& cursor, Random& random) {
  std::vector<PackedMatrix> parts;
  for (const std::int64_t out : outs) {
    PackedMatrix part{.shape = {format.packed_format, out, in, format.group_size}};
    part.codes =
        reinterpret_cast<const std::uint8_t*>(cursor.take(part.shape.code_bytes(), kCodes, random));
    part.scales = reinterpret_cast<const std::uint16_t*>(
        cursor.take(2 * part.shape.num_scales(), kScales, random));
    parts.push_back(part);
  }
  return device.load_packed_linear(parts);
}

}  // namespace

std::vector<float> random_floats(std::int64_t count, std::uint64_t seed) {
  Random random(seed);
  std::vector<float> values(static_cast<std::size_t>(count));
  for (float& value : values) {
    const std::uint64_t bits = random();
    value = static_cast<float>(static_cast<std::int64_t>(bits) >> 40) * 0x1p-23F;
    if ((bits & 511) == 0) value *= 20;
  }
  return values;
}

Result<RandomMatrices> RandomMatrices::make(Device& device, const MatrixFormat& format,
                                            std::int64_t in, std::span<const std::int64_t> outs) {
  std::int64_t bytes = 0;
  for (const std::int64_t out : outs) {
    // Codes and scales, each aligned.
    bytes += static_cast<std::int64_t>(
        aligned_size(static_cast<std::uint64_t>(format.bytes(in, out))) + kTensorAlignment);
  }
  const std::int64_t copies = std::clamp<std::int64_t>(kMoreThanCaches / bytes + 1, 1, kMaxCopies);
  RandomMatrices matrices;
  PARAPET_ASSIGN(matrices.memory_,
                 AnonymousMemory::reserve(static_cast<std::uint64_t>(copies * bytes)));
  Cursor cursor(matrices.memory_->bytes());
  Random random(static_cast<std::uint64_t>(bytes));
  for (std::int64_t i = 0; i < copies; ++i) {
    PARAPET_ASSIGN(auto linear, format.packed
                                    ? make_packed(device, format, in, outs, cursor, random)
                                    : make_dense(device, format, in, outs, cursor, random));
    matrices.linears_.push_back(std::move(linear));
  }
  return matrices;
}

}  // namespace parapet
