// Loops that do nothing but what a processor is measured by: instruction by instruction, so that
// no compiler makes them better or worse than they read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace parapet {

// Independent multiply-adds in registers.
struct ComputeLoop {
  const char* instructions;
  double ops_per_step;  // a multiplication and an addition are two
  void (*run)(std::int64_t steps);
};

// Reads `bytes`, a multiple of 4 KiB, in order or nearly so.
struct ReadLoop {
  const char* instructions;
  void (*run)(const std::byte* data, std::size_t bytes);
};

// Several where it depends on the processor which is best. An integer loop is exact on all that the
// kernels multiply: sums go to 32 bits before 16 could overflow.
struct PeakLoops {
  std::vector<ComputeLoop> fp32;
  std::vector<ComputeLoop> bf16;  // floats times bfloat16, a product being one multiply-add
  std::vector<ComputeLoop> int8;  // s8 or u8 times s8 within +-127
  std::vector<ComputeLoop> int4;  // u4 times s8
  std::vector<ReadLoop> read;
};

// Those of an instruction set by its kernel table's name; of the baseline where it is unknown. The
// processor must have it.
PeakLoops peak_loops(std::string_view isa);

}  // namespace parapet
