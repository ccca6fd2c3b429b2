#include "bench/peak_loops.h"

#include <array>

namespace parapet {
namespace {

constexpr int kChains = 12;  // sums, enough to cover the latency of each addition

#if defined(__x86_64__)

constexpr float kFloat = 0.999F;                      // sums converge, no number becomes subnormal
constexpr std::uint64_t kBytes = 0x0706050403020101;  // small: 16-bit sums stay in range

// NOLINTBEGIN(cppcoreguidelines-macro-usage): an asm template is one string literal.
#define PARAPET_ALL_SUMS "2,3,4,5,6,7,8,9,10,11,12,13"
// Fills the two factors and all sums, runs `body` once for each sum `\r`, `steps` times.
#define PARAPET_X86_LOOP(steps, broadcast, seed, reg, body)                                        \
  asm volatile(broadcast " %1, %%" reg "0\n" broadcast " %1, %%" reg "1\n" broadcast " %1, %%" reg \
                         "15\n"                                                                    \
                         ".irp r," PARAPET_ALL_SUMS "\n" broadcast " %1, %%" reg                   \
                         "\\r\n.endr\n"                                                            \
                         ".p2align 5\n1:\n.irp r," PARAPET_ALL_SUMS "\n" body                      \
                         ".endr\ndec %0\njnz 1b\n"                                                 \
               : "+r"(steps)                                                                       \
               : "m"(seed)                                                                         \
               : "cc", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8",     \
                 "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15")
#define PARAPET_AVX_LOOP(steps, broadcast, seed, reg, body) \
  PARAPET_X86_LOOP(steps, broadcast, seed, reg, body);      \
  asm volatile("vzeroupper")
// NOLINTEND(cppcoreguidelines-macro-usage)

void fp32_sse2(std::int64_t steps) {
  alignas(16) static const float kSeed[4] = {kFloat, kFloat, kFloat, kFloat};
  PARAPET_X86_LOOP(steps, "movaps", kSeed, "xmm",
                   "mulps %%xmm0, %%xmm\\r\naddps %%xmm1, %%xmm\\r\n");
}

void int8_sse2(std::int64_t steps) {
  alignas(16) static const std::uint64_t kSeed[2] = {kBytes, kBytes};
  PARAPET_X86_LOOP(steps, "movaps", kSeed, "xmm",
                   "movdqa %%xmm0, %%xmm14\npmaddwd %%xmm1, %%xmm14\npaddd %%xmm14, %%xmm\\r\n");
}

void fp32_avx2(std::int64_t steps) {
  PARAPET_AVX_LOOP(steps, "vbroadcastss", kFloat, "ymm", "vfmadd213ps %%ymm1, %%ymm0, %%ymm\\r\n");
}

void words_avx2(std::int64_t steps) {
  PARAPET_AVX_LOOP(steps, "vpbroadcastq", kBytes, "ymm",
                   "vpmaddwd %%ymm0, %%ymm1, %%ymm14\nvpaddd %%ymm14, %%ymm\\r, %%ymm\\r\n");
}

// The sign goes from one factor to the other; magnitudes of 127 twice fit 16 bits.
void bytes_avx2(std::int64_t steps) {
  PARAPET_AVX_LOOP(steps, "vpbroadcastq", kBytes, "ymm",
                   "vpsignb %%ymm0, %%ymm1, %%ymm14\nvpmaddubsw %%ymm14, %%ymm0, %%ymm14\nvpmaddwd "
                   "%%ymm14, %%ymm15, %%ymm14\n"
                   "vpaddd %%ymm14, %%ymm\\r, %%ymm\\r\n");
}

// Eight products of 15 * 127 twice fit a 16-bit lane; then it is widened.
void nibbles_avx2(std::int64_t steps) {
  PARAPET_AVX_LOOP(steps, "vpbroadcastq", kBytes, "ymm",
                   "vpmaddubsw %%ymm0, %%ymm1, %%ymm14\n"
                   ".rept 7\n"
                   "vpmaddubsw %%ymm0, %%ymm1, %%ymm15\nvpaddw %%ymm15, %%ymm14, %%ymm14\n"
                   ".endr\n"
                   "vpmaddwd %%ymm14, %%ymm0, %%ymm14\nvpaddd %%ymm14, %%ymm\\r, %%ymm\\r\n");
}

void dot_avxvnni(std::int64_t steps) {
  PARAPET_AVX_LOOP(steps, "vpbroadcastq", kBytes, "ymm",
                   "%{vex%} vpdpbusd %%ymm0, %%ymm1, %%ymm\\r\n");
}

void fp32_avx512(std::int64_t steps) {
  PARAPET_AVX_LOOP(steps, "vbroadcastss", kFloat, "zmm", "vfmadd213ps %%zmm1, %%zmm0, %%zmm\\r\n");
}

void words_avx512(std::int64_t steps) {
  PARAPET_AVX_LOOP(steps, "vpbroadcastq", kBytes, "zmm",
                   "vpmaddwd %%zmm0, %%zmm1, %%zmm14\nvpaddd %%zmm14, %%zmm\\r, %%zmm\\r\n");
}

void nibbles_avx512(std::int64_t steps) {
  PARAPET_AVX_LOOP(steps, "vpbroadcastq", kBytes, "zmm",
                   "vpmaddubsw %%zmm0, %%zmm1, %%zmm14\n"
                   ".rept 7\n"
                   "vpmaddubsw %%zmm0, %%zmm1, %%zmm15\nvpaddw %%zmm15, %%zmm14, %%zmm14\n"
                   ".endr\n"
                   "vpmaddwd %%zmm14, %%zmm0, %%zmm14\nvpaddd %%zmm14, %%zmm\\r, %%zmm\\r\n");
}

void dot_avx512vnni(std::int64_t steps) {
  PARAPET_AVX_LOOP(steps, "vpbroadcastq", kBytes, "zmm", "vpdpbusd %%zmm0, %%zmm1, %%zmm\\r\n");
}

// What LDTILECFG reads: palette 1, eight tiles of 16 rows of 64 bytes.
alignas(64) constexpr std::array<std::uint8_t, 64> kTileConfig = [] {
  std::array<std::uint8_t, 64> config{};
  config[0] = 1;
  for (std::size_t tile = 0; tile < 8; ++tile) {
    config[16 + 2 * tile] = 64;
    config[48 + tile] = 16;
  }
  return config;
}();
constexpr int kTileChains = 4;
constexpr double kTileSums = 16 * 16;

// NOLINTBEGIN(cppcoreguidelines-macro-usage): an asm template is one string literal.
#define PARAPET_TILE_LOOP(steps, factors, instruction)                         \
  asm volatile(                                                                \
      "ldtilecfg %1\ntileloadd (%2, %3), %%tmm6\ntileloadd (%2, %3), %%tmm7\n" \
      ".irp r,0,1,2,3\ntilezero %%tmm\\r\n.endr\n"                             \
      ".p2align 5\n1:\n.irp r,0,1,2,3\n" instruction                           \
      " %%tmm7, %%tmm6, %%tmm\\r\n.endr\ndec %0\njnz 1b\ntilerelease\n"        \
      : "+r"(steps)                                                            \
      : "m"(kTileConfig), "r"(factors), "r"(std::int64_t{64})                  \
      : "cc", "memory")
// NOLINTEND(cppcoreguidelines-macro-usage)

void bf16_tiles(std::int64_t steps) {
  static const std::vector<std::uint16_t> halves(512, 0x3f00);  // 0.5: sums stay far below infinity
  PARAPET_TILE_LOOP(steps, halves.data(), "tdpbf16ps");
}

void int8_tiles(std::int64_t steps) {
  static const std::vector<std::uint64_t> bytes(128, kBytes);
  PARAPET_TILE_LOOP(steps, bytes.data(), "tdpbsud");
}

void read_avx2(const std::byte* data, std::size_t bytes) {
  asm volatile(
      ".p2align 5\n1:\n"
      ".irp at,0,32,64,96,128,160,192,224\nvmovups \\at(%0), %%ymm0\n.endr\n"
      "add $256, %0\nsub $256, %1\njnz 1b\nvzeroupper\n"
      : "+r"(data), "+r"(bytes)
      :
      : "cc", "memory", "xmm0");
}

void read_avx512(const std::byte* data, std::size_t bytes) {
  asm volatile(
      ".p2align 5\n1:\n"
      ".irp at,0,64,128,192\nvmovups \\at(%0), %%zmm0\n.endr\n"
      "add $256, %0\nsub $256, %1\njnz 1b\nvzeroupper\n"
      : "+r"(data), "+r"(bytes)
      :
      : "cc", "memory", "xmm0");
}

#elif defined(__aarch64__)

// NOLINTBEGIN(cppcoreguidelines-macro-usage): an asm template is one string literal.
#define PARAPET_NEON_LOOP(steps, body)                                                         \
  asm volatile(                                                                                \
      ".arch armv8.2-a+dotprod\n"                                                              \
      ".irp r,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\nmovi v\\r\\().16b, #1\n.endr\n"           \
      "1:\n.irp r,2,3,4,5,6,7,8,9,10,11,12,13\n" body ".endr\nsubs %0, %0, #1\nb.ne 1b\n"      \
      : "+r"(steps)                                                                            \
      :                                                                                        \
      : "cc", "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8", "v9", "v10", "v11", "v12", \
        "v13", "v14", "v15")
// NOLINTEND(cppcoreguidelines-macro-usage)

void fp32_neon(std::int64_t steps) { PARAPET_NEON_LOOP(steps, "fmla v\\r\\().4s, v0.4s, v1.4s\n"); }
void words_neon(std::int64_t steps) {
  PARAPET_NEON_LOOP(steps, "smlal v\\r\\().4s, v0.4h, v1.4h\n");
}
// Two products of 127 twice fit 16 bits; then pairs go to 32.
void bytes_neon(std::int64_t steps) {
  PARAPET_NEON_LOOP(steps,
                    "smull v14.8h, v0.8b, v1.8b\nsmlal2 v14.8h, v0.16b, v1.16b\n"
                    "sadalp v\\r\\().4s, v14.8h\n");
}
void dot_neon(std::int64_t steps) {
  PARAPET_NEON_LOOP(steps, "sdot v\\r\\().4s, v0.16b, v1.16b\n");
}

#endif

// One load of each cache line is enough to make it come.
void read_lines(const std::byte* data, std::size_t bytes) {
  for (std::size_t at = 0; at < bytes; at += 64) {
    (void)*reinterpret_cast<const volatile std::uint64_t*>(data + at);
  }
}

// Ahead of the hardware's own prefetcher, which stops at each page.
void read_lines_ahead(const std::byte* data, std::size_t bytes) {
  constexpr std::size_t kAhead = 2048;
  for (std::size_t at = 0; at < bytes; at += 64) {
    __builtin_prefetch(data + (at + kAhead < bytes ? at + kAhead : at));
    (void)*reinterpret_cast<const volatile std::uint64_t*>(data + at);
  }
}

// Four places at once, as a kernel that works on rows reads.
void read_four_streams(const std::byte* data, std::size_t bytes) {
  const std::size_t quarter = bytes / 4;
  for (std::size_t at = 0; at < quarter; at += 64) {
    for (std::size_t stream = 0; stream < 4; ++stream) {
      (void)*reinterpret_cast<const volatile std::uint64_t*>(data + stream * quarter + at);
    }
  }
}

ComputeLoop loop(const char* instructions, int multiply_adds, void (*run)(std::int64_t)) {
  return {instructions, 2.0 * multiply_adds * kChains, run};
}

}  // namespace

PeakLoops peak_loops(std::string_view isa) {
  PeakLoops loops;
  loops.read = {{"8-byte loads, one a cache line", read_lines},
                {"8-byte loads, one a cache line, prefetched 2 KiB ahead", read_lines_ahead},
                {"8-byte loads, one a cache line, four streams", read_four_streams}};
#if defined(__x86_64__)
  const auto has = [&](std::string_view part) { return isa.find(part) != std::string_view::npos; };
  if (has("avx512") || has("amx")) {
    loops.fp32 = {loop("vfmadd213ps zmm", 16, fp32_avx512)};
    loops.int8 = {loop("vpmaddwd, vpaddd zmm", 32, words_avx512)};
    loops.int4 = {
        loop("8 of vpmaddubsw, vpaddw to one of vpmaddwd, vpaddd zmm", 8 * 64, nibbles_avx512)};
    if (has("vnni")) loops.int8 = {loop("vpdpbusd zmm", 64, dot_avx512vnni)};
    loops.read.push_back({"64-byte loads", read_avx512});
    if (has("amx")) {
      // A float is three bfloat16 numbers, and so three products; a tile of bytes is twice as deep.
      loops.bf16 = {{"tdpbf16ps, three parts", kTileChains * kTileSums * 2 * 32 / 3, bf16_tiles}};
      loops.int8 = {{"tdpbsud", kTileChains * kTileSums * 2 * 64, int8_tiles}};
    }
  } else if (has("avx")) {
    loops.fp32 = {loop("vfmadd213ps ymm", 8, fp32_avx2)};
    loops.int8 = {loop("vpmaddwd, vpaddd ymm", 16, words_avx2),
                  loop("vpsignb, vpmaddubsw, vpmaddwd, vpaddd ymm", 32, bytes_avx2)};
    loops.int4 = {
        loop("8 of vpmaddubsw, vpaddw to one of vpmaddwd, vpaddd ymm", 8 * 32, nibbles_avx2)};
    if (has("vnni")) loops.int8 = {loop("vpdpbusd ymm", 32, dot_avxvnni)};
    loops.read.push_back({"32-byte loads", read_avx2});
  } else {
    loops.fp32 = {loop("mulps, addps xmm", 4, fp32_sse2)};
    loops.int8 = {loop("pmaddwd, paddd xmm", 8, int8_sse2)};
  }
#elif defined(__aarch64__)
  loops.fp32 = {loop("fmla .4s", 4, fp32_neon)};
  loops.int8 = {loop("smlal .4s, .4h", 4, words_neon),
                loop("smull, smlal2, sadalp .8h, .4s", 16, bytes_neon)};
  if (isa.find("dotprod") != std::string_view::npos) {
    loops.int8 = {loop("sdot .4s, .16b", 16, dot_neon)};
  }
#else
#error "bench/peak_loops.cc: write what this processor multiplies and adds with"
#endif
  if (loops.bf16.empty()) loops.bf16 = loops.fp32;
  loops.int4.insert(loops.int4.end(), loops.int8.begin(), loops.int8.end());
  return loops;
}

}  // namespace parapet
