// Verdicts: is this conversation safe, and if not, why not.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "parapet/error.h"
#include "parapet/export.h"
#include "parapet/llm.h"
#include "parapet/types.h"

namespace parapet {

enum class Safety : std::uint8_t { kSafe, kControversial, kUnsafe };
// "Safe", "Controversial", "Unsafe": as the model writes them.
PARAPET_API const char* to_string(Safety safety);

// The model's belief at the label's first token, before a label was chosen.
struct LabelProbabilities {
  double safe = 0;  // the three are normalised to one
  double controversial = 0;
  double unsafe = 0;
  double label_mass = 0;  // what they held together before: near 1 when the model keeps its format
};

// The model's belief that this category is the first one it names, given the label it wrote.
struct CategoryProbability {
  std::string name;        // as published, or "None"
  double probability = 0;  // all of them are normalised to one
};

struct Verdict {
  // Empty when the model's answer was not a verdict; `error` then says why (kMalformedOutput or
  // kNumeric). Never treat an empty one as safe.
  std::optional<Safety> safety;
  std::vector<std::string> categories;  // published names, in the order written; empty for None
  std::optional<bool> refusal;          // of responses only: did the assistant refuse?
  std::optional<LabelProbabilities> probabilities;  // empty when the answer never came to a label
  // In published order, "None" last. Empty when the answer never came to a category, and for a
  // tokenizer that does not tell all of them apart at one token.
  std::vector<CategoryProbability> category_probabilities;
  std::string text;  // what the model wrote
  std::optional<Error> error;
  std::int64_t num_passes = 0;   // forward passes that the verdict took part in
  std::int64_t num_windows = 1;  // more than one: too long to be judged at once
  bool context_cut = false;      // earlier messages were left out or shortened to make room
  TokenUsage usage;              // of all windows
  Timing timing;                 // of all windows, but for total_ms: until the last was answered
};

// What Controversial counts as.
enum class Policy : std::uint8_t {
  kStrict,  // as Unsafe
  kLoose,   // as Safe
};
// True unless the policy lets the verdict through. A verdict without safety is always blocked.
PARAPET_API bool is_blocked(const Verdict& verdict, Policy policy);

struct JudgeOptions {
  // The label is all that is asked: one pass, and neither categories nor refusal.
  bool stop_after_label = false;
  // By plain greedy decoding, a pass a token, instead of checking a drafted answer. The verdict is
  // the same; for comparison.
  bool plain_decoding = false;
  // What to do with a conversation that is longer than max_model_len. Either way nothing is judged
  // unread: true cuts the judged message into overlapping windows and answers with the gravest
  // verdict (Unsafe, then one that is no verdict, then Controversial); false answers
  // ErrorCode::kTooLong.
  bool use_windows = true;
  std::int64_t priority = 0;    // smaller is served first
  std::string cache_salt = {};  // prefixes are shared among conversations of equal salt only
};

using OnVerdict = std::function<void(Result<Verdict>)>;

// A loaded guard model, with an engine on a thread of its own. Every method but moves may be called
// from any thread at any time, and conversations of all callers share the engine's steps. One that
// was moved from can only be assigned to or destroyed.
class PARAPET_API Guard {
 public:
  // As LLM::load(). Also checks that the tokenizer tells the three labels apart at one token
  // (ErrorCode::kUnsupported).
  static Result<Guard> load(const ModelOptions& options);
  // A guard that shares the model and the engine of `llm`, which may be gone before it or after:
  // the last of the two ends the engine, and until then verdicts under way are not cancelled.
  // ErrorCode::kUnsupported as load().
  static Result<Guard> from(const LLM& llm);

  Guard(Guard&&) noexcept;
  Guard& operator=(Guard&&) noexcept;
  // Verdicts under way are answered with ErrorCode::kCancelled before it returns, unless an LLM
  // shares the model. Not to be called from a callback.
  ~Guard();

  // Waits for all verdicts: one answer a conversation, in order. A last message of the assistant is
  // judged as a response, any other as a prompt. Errors are of that conversation alone:
  // kInvalidArgument (no messages), kTemplate, kTooLong, kResourceExhausted.
  std::vector<Result<Verdict>> judge(const std::vector<Conversation>& conversations,
                                     const JudgeOptions& options = {});

  // Renders and encodes here, and returns without waiting for the model; keeps no reference to its
  // arguments. on_verdict is called once: on the engine's thread, or on this one, before the call
  // returns, where there is nothing to run (a template that refuses). It must return soon, must not
  // throw and must not wait for another answer; it may ask for one.
  RequestHandle judge_async(const Conversation& conversation, const JudgeOptions& options,
                            OnVerdict on_verdict);

  // Computes what the template writes before every conversation (the policy), and keeps it in the
  // cache for good. Waits for it. Without it, the first judgement of each mode does so.
  Status prefill_policies();

  // Lives as long as the model.
  const ChatTokenizer& tokenizer() const;
  EngineInfo info() const;
  EngineCounters counters() const;

 private:
  struct Impl;
  explicit Guard(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace parapet
