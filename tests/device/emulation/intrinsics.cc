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
    .ternarylogic_epi32 =
        [](const auto* a, const auto* b, const auto* c, auto* to) {
          write(to, _mm512_ternarylogic_epi32(read<__m512i>(a), read<__m512i>(b), read<__m512i>(c),
                                              0xea));
        },
    .dpbf16ps =
        [](const auto* a, const auto* b, float* sums) {
          unsigned char config[64] = {1};
          for (const int tile : {0, 1, 2}) {
            config[16 + 2 * tile] = 64;
            config[48 + tile] = tile == 2 ? 16 : 3;
          }
          _tile_loadconfig(config);
          _tile_loadd(0, sums, 64);
          _tile_loadd(1, a, 64);
          _tile_loadd(2, b, 64);
          _tile_dpbf16ps(0, 1, 2);
          _tile_stored(0, sums, 64);
          _tile_release();
        },
};

}  // namespace parapet::test
