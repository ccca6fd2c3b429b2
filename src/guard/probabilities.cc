#include "guard/probabilities.h"

#include <cmath>
#include <string>

#include "base/check.h"

namespace parapet {
namespace {

struct Shares {
  std::vector<double> shares;  // sum to one
  double mass = 0;             // what they were before
};

Result<Shares> shares_of(const char* where, std::span<const float> logprobs) {
  Shares result;
  for (const float logprob : logprobs) {
    result.shares.push_back(std::exp(static_cast<double>(logprob)));
    result.mass += result.shares.back();
  }
  if (!std::isfinite(result.mass)) {
    return Error{ErrorCode::kNumeric,
                 std::string("the model's logits at the ") + where + " are not finite numbers"};
  }
  // All may underflow to nothing when a model never writes one: then none is likelier.
  for (double& share : result.shares) {
    share = result.mass == 0 ? 1.0 / static_cast<double>(logprobs.size()) : share / result.mass;
  }
  return result;
}

}  // namespace

Result<LabelProbabilities> label_probabilities(std::span<const float> logprobs) {
  PARAPET_CHECK(logprobs.size() == kAllSafety.size());
  PARAPET_ASSIGN(const Shares labels, shares_of("label", logprobs));
  return LabelProbabilities{labels.shares[0], labels.shares[1], labels.shares[2], labels.mass};
}

Result<std::vector<CategoryProbability>> category_probabilities(GuardMode mode,
                                                                std::span<const float> logprobs) {
  const auto names = category_names(mode);
  PARAPET_CHECK(logprobs.size() == names.size() + 1);
  PARAPET_ASSIGN(const Shares categories, shares_of("first category", logprobs));
  std::vector<CategoryProbability> all;
  for (std::size_t i = 0; i < names.size(); ++i) {
    all.push_back({std::string(names[i]), categories.shares[i]});
  }
  all.push_back({std::string(kNoCategory), categories.shares.back()});
  return all;
}

}  // namespace parapet
