// One conversation under judgement: its windows become requests, and their answers one verdict.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <vector>

#include "engine/request.h"
#include "guard/verdict_tokens.h"
#include "parapet/guard.h"
#include "text/tokenizer.h"

namespace parapet {

// All but its making happens on the engine's thread.
class Judgement {
 public:
  Judgement(const Tokenizer& tokenizer, std::shared_ptr<const VerdictTokens> tokens,
            const JudgeOptions& options, double render_ms, std::size_t num_windows,
            OnVerdict on_verdict);

  // Takes the answer about one window; with the last one, tells the verdict.
  void take(Result<GenerationOutput> answer);
  void set_context_cut() { verdict_.context_cut = true; }

 private:
  Verdict read(const GenerationOutput& answer) const;
  Status read_answer(const GenerationOutput& answer, Verdict& verdict) const;
  Status read_probabilities(const GenerationOutput& answer, Verdict& verdict) const;
  void merge(Verdict window);

  const Tokenizer& tokenizer_;
  std::shared_ptr<const VerdictTokens> tokens_;
  bool label_only_;
  double render_ms_;
  std::size_t remaining_;
  OnVerdict on_verdict_;

  Verdict verdict_;  // the gravest so far, with the sums of all
  bool has_verdict_ = false;
  std::optional<Error> error_;
};

}  // namespace parapet
