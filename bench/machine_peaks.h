// What a machine can do at most, measured: the floors that kernels are held against.
#pragma once

#include <string>

namespace parapet {

struct MachinePeaks {
  double gflops = 0.0;    // fused multiply-adds of independent registers, all threads, 2 flops each
  double read_gbs = 0.0;  // reading 512 MiB once, all threads
};

// Vectors as wide as those of the instruction set of this name; 128 bits for an unknown one.
MachinePeaks measure_machine_peaks(const std::string& isa, int num_threads);

}  // namespace parapet
