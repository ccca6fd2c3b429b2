// What a weight's elements are, and how they become floats, on the Vec of the including file.

struct F32 {
  static constexpr std::size_t kBytes = 4;
  static Vec load_all(const std::byte* from) { return load(from); }
  static Vec load_some(const std::byte* from, int count) { return load_first(from, count); }
};

// Two-byte types have no masked load before AVX-512BW: their tails go through the stack.
template <Vec (*kLoad)(const void*)>
struct Half {
  static constexpr std::size_t kBytes = 2;
  static Vec load_all(const std::byte* from) { return kLoad(from); }
  static Vec load_some(const std::byte* from, int count) {
    std::uint16_t bits[kLanes] = {};
    __builtin_memcpy(bits, from, static_cast<std::size_t>(count) * kBytes);
    return kLoad(bits);
  }
};
using Bf16 = Half<load_bf16>;
using F16 = Half<load_f16>;

template <class Weight>
void widen(const std::byte* from, std::int64_t count, float* to) {
  std::int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    store(to + i, Weight::load_all(from + static_cast<std::size_t>(i) * Weight::kBytes));
  }
  if (i < count) {
    const int rest = static_cast<int>(count - i);
    store_first(to + i,
                Weight::load_some(from + static_cast<std::size_t>(i) * Weight::kBytes, rest), rest);
  }
}
