// What emulation/immintrin.h adds to SIMDe, on arrays: for files that are not compiled for AVX2.
#pragma once

#include <cstdint>

namespace parapet::test {

struct EmulatedIntrinsics {
  void (*cvtepi8_epi32)(const std::int8_t* from, std::int32_t* to);
  void (*cvtepu16_epi32)(const std::uint16_t* from, std::int32_t* to);
  void (*cvtepi32_epi16)(const std::int32_t* from, std::int16_t* to);
  void (*cvtepi32_epi8)(const std::int32_t* from, std::int8_t* to);
  void (*cvtepi32_ps)(const std::int32_t* from, float* to);
  void (*cvtps_epi32)(const float* from, std::int32_t* to);
  void (*cvtph_ps)(const std::uint16_t* from, float* to);
  void (*extractf32x8_ps)(const float* from, float* lower, float* upper);
  void (*maskz_loadu_ps)(unsigned mask, const float* from, float* to);
  void (*mask_storeu_ps)(float* to, unsigned mask, const float* from);
  void (*shuffle_epi32)(const std::int32_t* from, std::int32_t* to);  // by 0b11011000
  void (*madd_epi16)(const std::int16_t* a, const std::int16_t* b, std::int32_t* to);
  void (*scalef_ps)(const float* a, const float* b, float* to);
  void (*ternarylogic_epi32)(const std::uint32_t* a, const std::uint32_t* b, const std::uint32_t* c,
                             std::uint32_t* to);  // by 0xea
  // sums [3][16] += a [3][32] times pairs b [16][16][2], on tiles of three rows; bfloat16 bits.
  void (*dpbf16ps)(const std::uint16_t* a, const std::uint16_t* b, float* sums);
};

extern const EmulatedIntrinsics kEmulatedIntrinsics;

}  // namespace parapet::test
