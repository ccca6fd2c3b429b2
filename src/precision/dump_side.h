// Logits that were computed before, or elsewhere, as one side of a comparison.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "precision/logits_dump.h"
#include "precision/side.h"

namespace parapet {

class DumpSide final : public Side {
 public:
  static Result<std::unique_ptr<Side>> open(const std::filesystem::path& file);

  PrecisionSide describe() const override;
  std::int64_t vocab_size() const override { return dump_.vocab_size(); }
  bool can_answer() const override { return can_answer_; }
  Result<std::vector<std::vector<TokenId>>> answers(std::span<const std::vector<TokenId>> prompts,
                                                    std::int64_t max_tokens) override;
  Result<std::vector<SideRows>> rows(std::span<const ForcedSequence> sequences) override;

 private:
  DumpSide(std::string spec, LogitsDump dump) : spec_(std::move(spec)), dump_(std::move(dump)) {}

  std::string spec_;
  LogitsDump dump_;
  bool can_answer_ = false;
};

}  // namespace parapet
