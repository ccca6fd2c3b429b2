// The precision report: one way to run a model against another, logit by logit, in the metrics and
// under the thresholds of docs/precision.md. The command's, as bench.h is.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "parapet/error.h"
#include "parapet/guard.h"
#include "parapet/llm.h"
#include "parapet/types.h"

namespace parapet {

// Whose logits are compared, in every prompt.
enum class PrecisionPositions : std::uint8_t {
  kLast,       // of the first token of an answer, and of a verdict's label
  kGenerated,  // of every token of the reference's greedy answer, teacher-forced
  kAll,        // of every token of the prompt and of that answer
};
const char* to_string(PrecisionPositions positions);  // "last", "generated", "all"

// What the candidate must reach. The first four are those of the card.
struct PrecisionThresholds {
  double min_token_agreement_pct = 99;
  double min_cosine = 0.999;  // on average and in every row
  double min_pearson = 0.999;
  double max_kl_divergence = 0.01;
  double min_label_match_pct = 100;  // of prompts whose reference answer is a verdict
};

struct PrecisionOptions {
  // Checkpoint, load_format, shape, seed, threads; beside that the candidate "served" takes all of
  // it.
  ModelOptions model;
  std::filesystem::path tokenizer;  // folder of a tokenizer for `model.shape`

  // "DEVICE:FORMAT", "served", an "http://" URL or a file with dumped logits: docs/precision.md.
  std::string reference = "cpu:float32";
  std::filesystem::path reference_model;  // checkpoint of the reference; empty: the same
  std::string candidate = "cpu:bfloat16";
  std::string api_key;            // of a server
  std::int64_t top_logprobs = 0;  // to ask a server for; 0: as many as it gives

  std::filesystem::path prompts;  // JSONL; empty: the card's fourteen
  bool few_prompts = false;       // of the card's, six
  std::int64_t max_prompts = 0;   // the first so many; 0: all
  PrecisionPositions positions = PrecisionPositions::kLast;
  std::int64_t max_tokens = 16;  // of an answer; 0: none is written
  PrecisionThresholds thresholds;
  bool explain = true;         // why the two differ: layers, operators, sources of error
  bool other_kernels = false;  // and what other kernels of this machine do, which are slow

  bool hash_checkpoint = true;  // reads all of its files

  std::filesystem::path dump_logits;  // safetensors file to keep the reference's logits in
  ProgressCallback on_progress;       // may be empty
};

// One side, as it was run.
struct PrecisionSide {
  std::string spec;  // as asked for
  std::string kind;  // "local", "server" or "dump"
  std::string device;
  std::string isa;
  int num_threads = 0;
  std::string weights_dtype;
  std::string activation_dtype;
  std::string kv_cache_dtype;
  std::string version;       // of Parapet, or what a server says of itself
  std::string served_model;  // a server's name for it
  double load_seconds = 0;
  double run_seconds = 0;
};

// Differences over rows of logits. docs/precision.md defines each.
struct PrecisionMetrics {
  std::int64_t num_rows = 0;
  std::int64_t num_agreeing = 0;
  double avg_cosine = 0;
  double min_cosine = 0;
  double pearson = 0;  // averages, but where max or min is said
  double min_pearson = 0;
  double avg_relative_error_pct = 0;
  double max_relative_error_pct = 0;
  double avg_kl = 0;
  double max_kl = 0;
  double max_abs_diff = 0;
  double mean_abs_diff = 0;
  double min_margin = 0;
  std::int64_t num_within_noise = 0;
  std::int64_t min_compared = 0;  // logits of a row that both sides have
  double token_agreement_pct() const {
    return num_rows == 0
               ? 0
               : 100.0 * static_cast<double>(num_agreeing) / static_cast<double>(num_rows);
  }
};

// Both sides' answers to a prompt through the guard's template.
struct VerdictPrecision {
  std::optional<Safety> reference_safety;  // empty: the answer is no verdict
  std::optional<Safety> candidate_safety;
  std::vector<std::string> reference_categories;
  std::vector<std::string> candidate_categories;
  bool label_matches() const { return reference_safety == candidate_safety; }
  bool matches() const { return label_matches() && reference_categories == candidate_categories; }
};

// Beliefs where the label is decided, whatever the answers were.
struct LabelPrecision {
  LabelProbabilities reference;
  LabelProbabilities candidate;
  double shift = 0;  // the largest change of the three
};

struct PromptPrecision {
  std::string id;
  std::string text;    // as people read it
  bool guard = false;  // through the guard's template
  std::int64_t num_prompt_tokens = 0;
  PrecisionMetrics metrics;
  std::string reference_token;  // the first of the answer, as text
  std::string candidate_token;
  std::optional<std::string> reference_text;  // empty: the side writes none
  std::optional<std::string> candidate_text;
  std::optional<VerdictPrecision> verdict;  // of guard prompts that both answer
  std::optional<LabelPrecision> label;      // of guard prompts
};

// Why a candidate that was run here differs from float32, measured on the first prompts. Relative
// errors are lengths of differences over lengths, in percent; docs/precision.md says more.
struct ErrorSource {
  std::string name;  // "weights", "kv_cache", ...
  std::string what;  // one line
  // Why it was not run and cannot differ; empty: it was run.
  std::string none_because;
  double relative_error_pct = 0;  // of the logits, with this source and no other
  double together_pct = 0;        // with this one and all before it
  double share_pct = 0;           // its square, of the sum of all squares
  double kl = 0;                  // alone
};
struct LayerPrecision {
  int layer = 0;  // 0: the embedding; n: after the n-th layer
  double cosine = 0;
  double relative_error_pct = 0;
  double own_relative_error_pct = 0;  // where the layer is given the reference's inputs
};
struct OperatorPrecision {
  std::string op;                     // "down_projection"
  double own_relative_error_pct = 0;  // given the reference's inputs; over all layers
  int worst_layer = 0;                // counted as above
  double worst_own_relative_error_pct = 0;
};
struct PrecisionExplanation {
  std::vector<ErrorSource> sources;
  double total_relative_error_pct = 0;   // of the candidate, on the same rows
  double summed_relative_error_pct = 0;  // root of the sum of the sources' squares
  std::vector<LayerPrecision> layers;
  std::vector<OperatorPrecision> operators;  // that which adds most first
  // The first operator whose own error is out of line with that of its like in other layers.
  std::optional<int> suspect_layer;  // counted as above
  std::string suspect_operator;
  // The same computed by other kernels, where they were asked for: sums in another order.
  std::string other_kernels;                  // "portable"
  double reference_on_other_kernels_pct = 0;  // relative error, from the reference
  double candidate_on_other_kernels_pct = 0;  // from the candidate
  std::int64_t num_prompts = 0;               // that all this was measured on
};

struct PrecisionThresholdResult {
  std::string name;  // "token_agreement_rate_pct"
  double value = 0;
  double limit = 0;
  bool at_least = true;  // false: at most
  bool passed = false;
};

struct PrecisionMachine {
  std::string cpu;
  int num_cpus = 0;
  std::uint64_t memory_bytes = 0;
  std::string system;  // "Linux 6.1.0 x86_64"
};

struct PrecisionCheckpoint {
  std::string name;    // folder or shape
  bool dummy = false;  // random weights of `seed`
  std::uint64_t seed = 0;
  // Of the lines that `sha256sum config.json *.safetensors` prints; empty for dummy weights.
  std::string sha256;
  std::string architecture;
  std::int64_t num_layers = 0;
  std::int64_t hidden_size = 0;
  std::int64_t vocab_size = 0;
};

// Counts of |d| in bins of equal ratio: bin i holds [least * ratio^i, least * ratio^(i+1)).
struct DifferenceHistogram {
  static constexpr double kLeast = 1e-7;
  static constexpr int kBinsPerDecade = 5;
  static constexpr int kBins = 10 * kBinsPerDecade;
  std::int64_t num_equal = 0;  // and whatever is less than kLeast
  std::vector<std::int64_t> counts = std::vector<std::int64_t>(kBins);
};

struct PrecisionEval {
  std::string created;  // UTC, ISO 8601
  PrecisionSide reference;
  PrecisionSide candidate;
  PrecisionCheckpoint checkpoint;
  PrecisionMachine machine;
  PrecisionPositions positions = PrecisionPositions::kLast;
  std::int64_t max_tokens = 0;
  // "logits": whole rows; "logprobs": of all tokens; "top_logprobs": of a server's likely tokens.
  std::string compared_on;
  PrecisionMetrics metrics;  // over the rows of all prompts
  std::vector<PromptPrecision> prompts;
  DifferenceHistogram histogram;
  std::vector<std::pair<float, float>> scatter;  // logits of both sides, a sample
  std::optional<PrecisionExplanation> explanation;
  std::vector<PrecisionThresholdResult> thresholds;
  bool passed = false;
  std::string verdict;  // "PASS: 100% token agreement, cos_sim=0.9999, all safety labels match"
  double total_seconds = 0;

  // Of the prompts for which both sides have it; empty where none does.
  std::optional<double> text_match_pct() const;
  std::optional<double> label_match_pct() const;
  std::optional<double> category_match_pct() const;
  std::optional<double> max_label_shift() const;
};

// Runs one side after the other, so that one model at a time is in memory. Errors are of the input:
// a side that cannot be had, a file or a prompt that is wrong. kNumeric: logits that are no
// numbers.
Result<PrecisionEval> eval_precision(const PrecisionOptions& options);

enum class ReportLanguage : std::uint8_t { kEnglish, kChinese };
std::string precision_json(const PrecisionEval& eval);  // docs/precision-eval.schema.json
std::string precision_markdown(const PrecisionEval& eval, ReportLanguage language);
// One file that needs no other: plots are SVG in it.
std::string precision_html(const PrecisionEval& eval, ReportLanguage language);

}  // namespace parapet
