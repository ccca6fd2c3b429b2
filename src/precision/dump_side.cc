#include "precision/dump_side.h"

#include <utility>

#include "base/check.h"
#include "precision/sequences.h"

namespace parapet {

Result<std::unique_ptr<Side>> DumpSide::open(const std::filesystem::path& file) {
  PARAPET_ASSIGN(LogitsDump dump, LogitsDump::open(file));
  std::unique_ptr<DumpSide> side(new DumpSide(file.string(), std::move(dump)));
  PARAPET_ASSIGN(const auto answer, side->dump_.answer(prompt_sequence_name(0)));
  side->can_answer_ = answer.has_value();
  return std::unique_ptr<Side>(std::move(side));
}

PrecisionSide DumpSide::describe() const {
  PrecisionSide side;
  side.spec = spec_;
  side.kind = "dump";
  return side;
}

Result<std::vector<std::vector<TokenId>>> DumpSide::answers(
    std::span<const std::vector<TokenId>> prompts, std::int64_t max_tokens) {
  std::vector<std::vector<TokenId>> answers;
  for (std::size_t i = 0; i < prompts.size(); ++i) {
    PARAPET_ASSIGN(auto answer, dump_.answer(prompt_sequence_name(i)));
    if (!answer) {
      return Error{ErrorCode::kNotFound,
                   spec_ + ": has no tensor " + prompt_sequence_name(i) + ".answer, but others"};
    }
    // One that was made with a larger limit begins as this one would.
    if (std::ssize(*answer) > max_tokens) answer->resize(static_cast<std::size_t>(max_tokens));
    answers.push_back(*std::move(answer));
  }
  return answers;
}

Result<std::vector<SideRows>> DumpSide::rows(std::span<const ForcedSequence> sequences) {
  std::vector<SideRows> all;
  for (const ForcedSequence& sequence : sequences) {
    PARAPET_ASSIGN(all.emplace_back().logits, dump_.rows(sequence));
  }
  return all;
}

}  // namespace parapet
