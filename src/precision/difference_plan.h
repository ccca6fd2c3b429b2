// The differences between a candidate and its reference, as settings that can be made one by one.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "precision/forward_probe.h"

namespace parapet {

struct PlannedDifference {
  std::string name;
  std::string what;
  std::string none_because;                  // empty: it may make a difference
  std::function<void(ProbeOptions&)> apply;  // makes it on top of other settings
};

// The type of the candidate's cache: what an engine would take "auto" for.
std::string cache_dtype_name(const ProbeOptions& candidate, const ModelConfig& config);

// In the order of the forward: weights, inputs of matrices, then what is rounded. `probe` is loaded
// as the reference.
Result<std::vector<PlannedDifference>> differences_of(const ProbeOptions& candidate,
                                                      const ProbeOptions& reference,
                                                      const ForwardProbe& probe);

}  // namespace parapet
