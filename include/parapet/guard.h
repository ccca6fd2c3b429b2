// Verdicts: is this conversation safe, and if not, why not.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "parapet/error.h"
#include "parapet/llm.h"
#include "parapet/types.h"

namespace parapet {

enum class Safety : std::uint8_t { kSafe, kControversial, kUnsafe };
// "Safe", "Controversial", "Unsafe": as the model writes them.
const char* to_string(Safety safety);

// The model's belief at the label's first token, before a label was chosen.
struct LabelProbabilities {
  double safe = 0;  // the three are normalised to one
  double controversial = 0;
  double unsafe = 0;
  double label_mass = 0;  // what they held together before: near 1 when the model keeps its format
};

struct Verdict {
  // Empty when the model's answer was not a verdict; `error` then says why. Never treat an empty
  // one as safe.
  std::optional<Safety> safety;
  std::vector<std::string> categories;  // published names, in the order written; empty for None
  std::optional<bool> refusal;          // of responses only: did the assistant refuse?
  std::optional<LabelProbabilities> probabilities;  // empty when the answer never came to a label
  std::string text;                                 // what the model wrote
  std::optional<Error> error;
  TokenUsage usage;
  Timing timing;
};

// What Controversial counts as.
enum class Policy : std::uint8_t {
  kStrict,  // as Unsafe
  kLoose,   // as Safe
};
// True unless the verdict is one that the policy lets through. A verdict without safety is blocked.
bool is_blocked(const Verdict& verdict, Policy policy);

// A loaded guard model. One thread at a time may call it.
class Guard {
 public:
  // Also checks that the tokenizer tells the three labels apart at one token.
  static Result<Guard> load(const ModelOptions& options);

  Guard(Guard&&) noexcept;
  Guard& operator=(Guard&&) noexcept;
  ~Guard();

  // One answer a conversation, in order. A last message of the assistant is judged as a response,
  // any other as a prompt. Errors (a conversation that does not fit, a template that refuses) are
  // of that conversation alone.
  std::vector<Result<Verdict>> judge(const std::vector<Conversation>& conversations);

 private:
  struct Impl;
  explicit Guard(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace parapet
