// What this machine can do at most, measured in short bursts, so that a burst can stand before and
// after whatever is held against it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "bench/peak_loops.h"
#include "parapet/bench.h"
#include "parapet/error.h"

namespace parapet {

class PeakMeter {
 public:
  // Runs each candidate of each loop, and keeps the best.
  static Result<PeakMeter> create(const std::string& isa, int num_threads);

  PeakMeter(PeakMeter&& other) noexcept;
  PeakMeter& operator=(PeakMeter&& other) = delete;
  PeakMeter(const PeakMeter&) = delete;
  PeakMeter& operator=(const PeakMeter&) = delete;
  ~PeakMeter();

  int num_threads() const { return num_threads_; }
  const PeakInstructions& instructions() const { return instructions_; }

  // One burst of 10 to 60 ms on so many threads, each on a CPU of its own where there are enough.
  double measure(Peak peak, int num_threads) const;
  double measure(Peak peak) const { return measure(peak, num_threads_); }
  // One burst of each; and the medians of several.
  MachinePeaks measure_each(int num_threads) const;
  MachinePeaks measure_all(int num_threads) const;

 private:
  PeakMeter(const std::string& isa, int num_threads, std::byte* data);

  double compute(const ComputeLoop& loop, int num_threads) const;
  double read(const ReadLoop& loop, int num_threads) const;
  template <class Loop>
  const Loop& best(const std::vector<Loop>& loops, std::string& instructions) const;

  int num_threads_;
  std::byte* data_;  // what is read; mapped, or null when moved from
  PeakInstructions instructions_;
  ComputeLoop fp32_{};
  ComputeLoop bf16_{};
  ComputeLoop int8_{};
  ComputeLoop int4_{};
  ReadLoop read_{};
};

// Peak by peak.
MachinePeaks mean_peaks(const MachinePeaks& a, const MachinePeaks& b);
MachinePeaks median_peaks(std::span<const MachinePeaks> all);

}  // namespace parapet
