#include <algorithm>
#include <utility>

#include "base/check.h"
#include "e2e/judges.h"

namespace parapet {
namespace {

constexpr std::int64_t kBatchSize = 64;  // enough to fill steps, and a bar that moves

GuardAnswer answer_of(Verdict verdict) {
  return {.safety = verdict.safety,
          .categories = std::move(verdict.categories),
          .refusal = verdict.refusal,
          .problem = verdict.error ? verdict.error->message : ""};
}

// What a conversation brings on itself; all else ends the run.
bool is_of_the_conversation(const Error& error) {
  return error.code == ErrorCode::kTooLong || error.code == ErrorCode::kTemplate ||
         error.code == ErrorCode::kInvalidArgument;
}

class GuardJudge final : public Judge {
 public:
  GuardJudge(Guard& guard, std::int64_t batch_size)
      : guard_(guard), batch_size_(batch_size == 0 ? kBatchSize : batch_size) {}

  Result<std::vector<GuardAnswer>> judge(std::span<const Conversation> conversations,
                                         const JudgedSoFar& on_progress) override {
    std::vector<GuardAnswer> answers;
    while (answers.size() < conversations.size()) {
      const auto rest = conversations.subspan(answers.size());
      const auto batch = rest.first(std::min(rest.size(), static_cast<std::size_t>(batch_size_)));
      for (Result<Verdict>& verdict : guard_.judge({batch.begin(), batch.end()})) {
        if (verdict) {
          answers.push_back(answer_of(*std::move(verdict)));
        } else if (is_of_the_conversation(verdict.error())) {
          answers.push_back(
              {.safety = {}, .categories = {}, .refusal = {}, .problem = verdict.error().message});
        } else {
          return verdict.error();
        }
      }
      on_progress(answers.size());
    }
    return answers;
  }

 private:
  Guard& guard_;
  std::int64_t batch_size_;
};

}  // namespace

std::unique_ptr<Judge> judge_of(Guard& guard, std::int64_t batch_size) {
  return std::make_unique<GuardJudge>(guard, batch_size);
}

}  // namespace parapet
