#include "device/emulation/intrinsics.h"

#include <immintrin.h>

#include <cstddef>

namespace parapet::test {
namespace {

template <class Vec>
Vec read(const void* from) {
  Vec vec;
  __builtin_memcpy(&vec, from, sizeof vec);
  return vec;
}
template <class Vec>
void write(void* to, const Vec& vec) {
  __builtin_memcpy(to, &vec, sizeof vec);
}

}  // namespace

const EmulatedIntrinsics kEmulatedIntrinsics = {
    .cvtepi8_epi32 = [](const auto* from,
                        auto* to) { write(to, _mm512_cvtepi8_epi32(read<__m128i>(from))); },
    .cvtepu16_epi32 = [](const auto* from,
                         auto* to) { write(to, _mm512_cvtepu16_epi32(read<__m256i>(from))); },
    .cvtepi32_epi16 = [](const auto* from,
                         auto* to) { write(to, _mm512_cvtepi32_epi16(read<__m512i>(from))); },
    .cvtepi32_epi8 = [](const auto* from,
                        auto* to) { write(to, _mm512_cvtepi32_epi8(read<__m512i>(from))); },
    .cvtepi32_ps = [](const auto* from,
                      auto* to) { write(to, _mm512_cvtepi32_ps(read<__m512i>(from))); },
    .cvtps_epi32 = [](const auto* from,
                      auto* to) { write(to, _mm512_cvtps_epi32(read<__m512>(from))); },
    .cvtph_ps = [](const auto* from, auto* to) { write(to, _mm512_cvtph_ps(read<__m256i>(from))); },
    .extractf32x8_ps =
        [](const float* from, float* lower, float* upper) {
          write(lower, _mm512_extractf32x8_ps(read<__m512>(from), 0));
          write(upper, _mm512_extractf32x8_ps(read<__m512>(from), 1));
        },
    .maskz_loadu_ps =
        [](unsigned mask, const float* from, float* to) {
          write(to, _mm512_maskz_loadu_ps(static_cast<__mmask16>(mask), from));
        },
    .mask_storeu_ps =
        [](float* to, unsigned mask, const float* from) {
          _mm512_mask_storeu_ps(to, static_cast<__mmask16>(mask), read<__m512>(from));
        },
    .shuffle_epi32 =
        [](const auto* from, auto* to) {
          write(to,
                _mm512_shuffle_epi32(read<__m512i>(from), static_cast<_MM_PERM_ENUM>(0b11011000)));
        },
    .madd_epi16 =
        [](const auto* a, const auto* b, auto* to) {
          write(to, _mm512_madd_epi16(read<__m512i>(a), read<__m512i>(b)));
        },
    .scalef_ps = [](const float* a, const float* b,
                    float* to) { write(to, _mm512_scalef_ps(read<__m512>(a), read<__m512>(b))); },
};

}  // namespace parapet::test
