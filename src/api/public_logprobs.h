// The engine's logprobs as the public API has them.
#pragma once

#include <vector>

#include "engine/logprobs.h"
#include "parapet/llm.h"

namespace parapet {

inline std::vector<Logprob> public_logprobs(const std::vector<TokenLogprob>& position) {
  std::vector<Logprob> all;
  all.reserve(position.size());
  for (const TokenLogprob& each : position) all.push_back({each.id, each.logprob, each.rank});
  return all;
}

inline std::vector<std::vector<Logprob>> public_logprobs(
    const std::vector<std::vector<TokenLogprob>>& positions) {
  std::vector<std::vector<Logprob>> all;
  all.reserve(positions.size());
  for (const auto& position : positions) all.push_back(public_logprobs(position));
  return all;
}

}  // namespace parapet
