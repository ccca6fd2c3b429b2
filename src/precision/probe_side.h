// A model that is run here, as one side of a comparison.
#pragma once

#include <memory>
#include <string>

#include "precision/forward_probe.h"
#include "precision/side.h"

namespace parapet {

class ProbeSide final : public Side {
 public:
  static Result<std::unique_ptr<Side>> load(std::string spec, const ProbeOptions& options);

  PrecisionSide describe() const override;
  std::int64_t vocab_size() const override { return probe_.config().vocab_size; }
  bool can_answer() const override { return true; }
  Result<std::vector<std::vector<TokenId>>> answers(std::span<const std::vector<TokenId>> prompts,
                                                    std::int64_t max_tokens) override;
  Result<std::vector<SideRows>> rows(std::span<const ForcedSequence> sequences) override;

  Result<std::optional<PrecisionExplanation>> explain(std::span<const ForcedSequence> sequences,
                                                      const ExplainOptions& options) override;

 private:
  ProbeSide(std::string spec, ProbeOptions options, ForwardProbe probe)
      : spec_(std::move(spec)), options_(std::move(options)), probe_(std::move(probe)) {}

  std::string spec_;
  ProbeOptions options_;
  ForwardProbe probe_;
};

}  // namespace parapet
