// Found before the compiler's <immintrin.h>: the AVX-512 intrinsics that our kernels use, on AVX2.
// SIMDe has most of them; what it lacks or rounds differently is here, lane by lane as Intel's
// guide describes it (tests/device/emulation_test.cc holds it to that).
#pragma once
#pragma GCC system_header
#include_next <immintrin.h>

#define SIMDE_ENABLE_NATIVE_ALIASES
#include <simde/x86/avx512.h>

namespace emulated {
namespace {  // each file has its own: none may be linked into others

template <class Lane, class Vec>
constexpr int kLanes = sizeof(Vec) / sizeof(Lane);

// to[i] = fn(from[i])
template <class To, class ToLane, class FromLane, class From, class Fn>
inline To each_lane(const From& from, const Fn& fn) {
  static_assert(kLanes<ToLane, To> == kLanes<FromLane, From>);
  FromLane in[kLanes<FromLane, From>];
  ToLane out[kLanes<ToLane, To>];
  __builtin_memcpy(in, &from, sizeof from);
  for (int i = 0; i < kLanes<ToLane, To>; ++i) out[i] = fn(in[i]);
  To to;
  __builtin_memcpy(&to, out, sizeof to);
  return to;
}

inline __m512i cvtepi8_epi32(__m128i v) {
  return each_lane<__m512i, int, signed char>(v, [](signed char lane) { return int{lane}; });
}
inline __m512i cvtepu16_epi32(__m256i v) {
  return each_lane<__m512i, int, unsigned short>(v, [](unsigned short lane) { return int{lane}; });
}
// The low bits of each lane.
inline __m256i cvtepi32_epi16(__m512i v) {
  return each_lane<__m256i, short, int>(v, [](int lane) { return static_cast<short>(lane); });
}
inline __m128i cvtepi32_epi8(__m512i v) {
  return each_lane<__m128i, signed char, int>(
      v, [](int lane) { return static_cast<signed char>(lane); });
}
inline __m512 cvtepi32_ps(__m512i v) {
  return each_lane<__m512, float, int>(v, [](int lane) { return static_cast<float>(lane); });
}

inline __m256 half(__m512 v, int upper) {
  float lanes[16];
  __builtin_memcpy(lanes, &v, sizeof v);
  return _mm256_loadu_ps(lanes + 8 * upper);
}

// To nearest even; what no int holds becomes the smallest one.
inline __m512i cvtps_epi32(__m512 v) {
  const __m256i halves[2] = {_mm256_cvtps_epi32(half(v, 0)), _mm256_cvtps_epi32(half(v, 1))};
  __m512i result;
  __builtin_memcpy(&result, halves, sizeof result);
  return result;
}
inline __m512 cvtph_ps(__m256i v) {
  __m128i bits[2];
  __builtin_memcpy(bits, &v, sizeof v);
  const __m256 halves[2] = {_mm256_cvtph_ps(bits[0]), _mm256_cvtph_ps(bits[1])};
  __m512 result;
  __builtin_memcpy(&result, halves, sizeof result);
  return result;
}

// Lanes that the mask does not name are neither read nor written.
inline __m512 maskz_loadu_ps(unsigned mask, const void* from) {
  float lanes[16] = {};
  for (int i = 0; i < 16; ++i) {
    if ((mask >> i & 1U) != 0) __builtin_memcpy(lanes + i, static_cast<const float*>(from) + i, 4);
  }
  return _mm512_loadu_ps(lanes);
}
inline void mask_storeu_ps(void* to, unsigned mask, __m512 v) {
  float lanes[16];
  __builtin_memcpy(lanes, &v, sizeof v);
  for (int i = 0; i < 16; ++i) {
    if ((mask >> i & 1U) != 0) __builtin_memcpy(static_cast<float*>(to) + i, lanes + i, 4);
  }
}

// Four lanes of each quarter, each chosen by two bits.
inline __m512i shuffle_epi32(__m512i v, int chosen) {
  int from[16];
  int to[16];
  __builtin_memcpy(from, &v, sizeof v);
  for (int i = 0; i < 16; ++i) to[i] = from[i / 4 * 4 + (chosen >> i % 4 * 2 & 3)];
  __builtin_memcpy(&v, to, sizeof v);
  return v;
}

// SIMDe's name for it takes two arguments too many.
inline __m512i madd_epi16(__m512i a, __m512i b) { return simde_mm512_madd_epi16(a, b); }

// a * 2^floor(b), rounded once; SIMDe flushes small numbers to zero.
inline __m512 scalef_ps(__m512 a, __m512 b) {
  float from[16];
  float by[16];
  __builtin_memcpy(from, &a, sizeof a);
  __builtin_memcpy(by, &b, sizeof b);
  for (int i = 0; i < 16; ++i) {
    if (by[i] != by[i]) {
      from[i] = by[i];
    } else {
      const float whole = __builtin_floorf(by[i] > 1000 ? 1000 : by[i] < -1000 ? -1000 : by[i]);
      from[i] = __builtin_ldexpf(from[i], static_cast<int>(whole));
    }
  }
  __builtin_memcpy(&a, from, sizeof a);
  return a;
}

// a ? b : c of three vectors' bits, as a table of eight says.
inline __m512i ternarylogic_epi32(__m512i a, __m512i b, __m512i c, int table) {
  unsigned in[3][16];
  __builtin_memcpy(in[0], &a, sizeof a);
  __builtin_memcpy(in[1], &b, sizeof b);
  __builtin_memcpy(in[2], &c, sizeof c);
  for (int i = 0; i < 16; ++i) {
    unsigned result = 0;
    for (unsigned bit = 0; bit < 32; ++bit) {
      const unsigned row =
          (in[0][i] >> bit & 1U) << 2U | (in[1][i] >> bit & 1U) << 1U | (in[2][i] >> bit & 1U);
      result |= (static_cast<unsigned>(table) >> row & 1U) << bit;
    }
    in[0][i] = result;
  }
  __builtin_memcpy(&a, in[0], sizeof a);
  return a;
}

// The tiles of AMX: their shapes, and up to 16 rows of 64 bytes each.
struct Tiles {
  struct Config {
    unsigned char palette;
    unsigned char start_row;
    unsigned char reserved[14];
    unsigned short row_bytes[16];
    unsigned char rows[16];
  } config;
  unsigned char data[8][16][64];
};
inline thread_local Tiles tiles{};

inline void tile_loadconfig(const void* from) { __builtin_memcpy(&tiles.config, from, 64); }
inline void tile_release() { tiles = {}; }
inline void tile_zero(int tile) { __builtin_memset(tiles.data[tile], 0, sizeof tiles.data[tile]); }
inline void tile_loadd(int tile, const void* base, long long stride) {
  tile_zero(tile);
  for (int r = 0; r < tiles.config.rows[tile]; ++r) {
    __builtin_memcpy(tiles.data[tile][r], static_cast<const char*>(base) + r * stride,
                     tiles.config.row_bytes[tile]);
  }
}
inline void tile_stored(int tile, void* base, long long stride) {
  for (int r = 0; r < tiles.config.rows[tile]; ++r) {
    __builtin_memcpy(static_cast<char*>(base) + r * stride, tiles.data[tile][r],
                     tiles.config.row_bytes[tile]);
  }
}

// Subnormal numbers count as zero.
inline float flushed(float v) { return __builtin_fabsf(v) < 0x1p-126F ? 0.0F : v; }
inline float bf16_at(const unsigned char* row, int index) {
  unsigned short upper = 0;
  __builtin_memcpy(&upper, row + 2 * index, 2);
  const unsigned bits = static_cast<unsigned>(upper) << 16U;
  float value = 0.0F;
  __builtin_memcpy(&value, &bits, 4);
  return flushed(value);
}
// TDPBF16PS as Intel's manual has it: even and odd elements apart, then both to the sum.
inline void tile_dpbf16ps(int sums, int a, int b) {
  const int pairs = tiles.config.row_bytes[a] / 4;
  for (int m = 0; m < tiles.config.rows[sums]; ++m) {
    for (int n = 0; n < tiles.config.row_bytes[sums] / 4; ++n) {
      float even = 0.0F;
      float odd = 0.0F;
      for (int k = 0; k < pairs; ++k) {
        const unsigned char* const x = tiles.data[a][m];
        const unsigned char* const w = tiles.data[b][k];
        even = flushed(__builtin_fmaf(bf16_at(x, 2 * k), bf16_at(w, 2 * n), even));
        odd = flushed(__builtin_fmaf(bf16_at(x, 2 * k + 1), bf16_at(w, 2 * n + 1), odd));
      }
      float sum = 0.0F;
      __builtin_memcpy(&sum, tiles.data[sums][m] + 4 * n, 4);
      sum = flushed(flushed(sum) + flushed(even + odd));
      __builtin_memcpy(tiles.data[sums][m] + 4 * n, &sum, 4);
    }
  }
}

// TDPBSUD: signed bytes times unsigned ones, exact.
inline void tile_dpbsud(int sums, int a, int b) {
  for (int m = 0; m < tiles.config.rows[sums]; ++m) {
    for (int n = 0; n < tiles.config.row_bytes[sums] / 4; ++n) {
      int sum = 0;
      __builtin_memcpy(&sum, tiles.data[sums][m] + 4 * n, 4);
      for (int k = 0; k < tiles.config.row_bytes[a]; ++k) {
        sum += static_cast<signed char>(tiles.data[a][m][k]) * tiles.data[b][k / 4][4 * n + k % 4];
      }
      __builtin_memcpy(tiles.data[sums][m] + 4 * n, &sum, 4);
    }
  }
}

}  // namespace
}  // namespace emulated

#undef _mm512_madd_epi16
#undef _mm512_scalef_ps
#define _mm512_cvtepi8_epi32(v) emulated::cvtepi8_epi32(v)
#define _mm512_cvtepu16_epi32(v) emulated::cvtepu16_epi32(v)
#define _mm512_cvtepi32_epi16(v) emulated::cvtepi32_epi16(v)
#define _mm512_cvtepi32_epi8(v) emulated::cvtepi32_epi8(v)
#define _mm512_cvtepi32_ps(v) emulated::cvtepi32_ps(v)
#define _mm512_cvtps_epi32(v) emulated::cvtps_epi32(v)
#define _mm512_cvtph_ps(v) emulated::cvtph_ps(v)
#define _mm512_extractf32x8_ps(v, half_index) emulated::half(v, half_index)
#define _mm512_maskz_loadu_ps(mask, from) emulated::maskz_loadu_ps(mask, from)
#define _mm512_mask_storeu_ps(to, mask, v) emulated::mask_storeu_ps(to, mask, v)
#define _mm512_shuffle_epi32(v, chosen) emulated::shuffle_epi32(v, chosen)
#define _mm512_madd_epi16(a, b) emulated::madd_epi16(a, b)
#define _mm512_scalef_ps(a, b) emulated::scalef_ps(a, b)
#undef _mm512_ternarylogic_epi32
#define _mm512_ternarylogic_epi32(a, b, c, table) emulated::ternarylogic_epi32(a, b, c, table)
#undef _tile_loadd
#undef _tile_stream_loadd
#undef _tile_stored
#undef _tile_dpbf16ps
#undef _tile_dpbsud
#undef _tile_zero
#define _tile_loadconfig(from) emulated::tile_loadconfig(from)
#define _tile_release() emulated::tile_release()
#define _tile_zero(tile) emulated::tile_zero(tile)
#define _tile_loadd(tile, base, stride) emulated::tile_loadd(tile, base, stride)
#define _tile_stream_loadd(tile, base, stride) emulated::tile_loadd(tile, base, stride)
#define _tile_stored(tile, base, stride) emulated::tile_stored(tile, base, stride)
#define _tile_dpbf16ps(sums, a, b) emulated::tile_dpbf16ps(sums, a, b)
#define _tile_dpbsud(sums, a, b) emulated::tile_dpbsud(sums, a, b)
