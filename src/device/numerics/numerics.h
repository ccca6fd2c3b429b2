// How a forward computes when it does not compute everything in float: which values are rounded on
// the way, and to what.
#pragma once

#include <cstdint>
#include <initializer_list>

namespace parapet {

// A value that an accelerator rounds to bfloat16, to the nearest, ties to even. Between two
// roundings it computes in float, as its kernels do.
enum class Rounded : std::uint32_t {
  kWeights = 1U << 0,  // dense matrices, the embedding, norm scales
  kNorms = 1U << 1,    // x / rms(x), then its product with the scale; heads' norms too
  kLinear = 1U << 2,   // what a matrix gives, before anything is added: q, k, v, o, gate, up, down
  kRope = 1U << 3,     // cosines and sines, then rotated queries and keys
  kKv = 1U << 4,       // keys and values as they are cached
  kAttention = 1U << 5,   // softmax's exponentials before they meet the values, then the output
  kActivation = 1U << 6,  // silu(gate), then its product with up
  kResidual = 1U << 7,    // the embedding, and the residual stream after each addition
  kLogits = 1U << 8,
};

// A set of them.
class Rounding {
 public:
  constexpr Rounding() = default;
  constexpr Rounding(std::initializer_list<Rounded> values) {
    for (const Rounded value : values) bits_ |= static_cast<std::uint32_t>(value);
  }
  // Every value: what `activation_dtype` "bfloat16" means.
  static constexpr Rounding bfloat16() {
    return {Rounded::kWeights,    Rounded::kNorms,    Rounded::kLinear,
            Rounded::kRope,       Rounded::kKv,       Rounded::kAttention,
            Rounded::kActivation, Rounded::kResidual, Rounded::kLogits};
  }

  constexpr bool has(Rounded value) const {
    return (bits_ & static_cast<std::uint32_t>(value)) != 0;
  }
  constexpr bool none() const { return bits_ == 0; }
  constexpr std::uint32_t bits() const { return bits_; }
  constexpr Rounding with(Rounding more) const {
    Rounding both;
    both.bits_ = bits_ | more.bits_;
    return both;
  }
  constexpr bool operator==(const Rounding&) const = default;

 private:
  std::uint32_t bits_ = 0;
};

// The inputs of linear ops rounded as the device rounds them for packed weights (ops.h), but with
// dense weights: what that alone does. 0: not.
struct ActivationCodes {
  std::int64_t layer_group = 0;  // inputs that share a scale, in the layers
  std::int64_t head_group = 0;   // and at the head
  std::int64_t first_layer = 0;  // the layers before have dense weights in either case

  std::int64_t group_of(std::int64_t layer) const { return layer < first_layer ? 0 : layer_group; }
};

struct Numerics {
  Rounding rounding;
  // Packed weights are multiplied as the floats that they stand for, with inputs as they are.
  bool exact_packed = false;
  ActivationCodes codes;
};

}  // namespace parapet
