#include <unistd.h>

#include <algorithm>
#include <map>
#include <memory>
#include <system_error>
#include <utility>

#include "api/boundary.h"
#include "api/model_weights.h"
#include "api/stopwatch.h"
#include "base/check.h"
#include "checkpoint/config.h"
#include "parapet/precision.h"
#include "precision/logits_dump.h"
#include "precision/prompts.h"
#include "precision/provenance.h"
#include "precision/row_comparison.h"
#include "precision/sequences.h"
#include "precision/side_runs.h"
#include "precision/sides.h"
#include "precision/summary.h"
#include "precision/verdict_precision.h"

namespace parapet {
namespace {

using Answers = std::vector<std::vector<TokenId>>;

// Of prompts that an explanation runs over and over; the card's general ones are some seventy.
constexpr std::int64_t kExplainedTokens = 256;

// Where the reference's logits wait for the candidate's. The file is mapped by then, and needs no
// name any more.
class Spool {
 public:
  explicit Spool(std::filesystem::path kept) : path_(std::move(kept)), keep_(!path_.empty()) {
    if (keep_) return;
    static int count = 0;
    path_ = std::filesystem::temp_directory_path() /
            ("parapet-logits-" + std::to_string(::getpid()) + "-" + std::to_string(count++));
  }
  Spool(const Spool&) = delete;
  Spool& operator=(const Spool&) = delete;
  ~Spool() {
    std::error_code ignored;
    if (!keep_) std::filesystem::remove(path_, ignored);
  }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
  bool keep_;
};

class Evaluation {
 public:
  explicit Evaluation(const PrecisionOptions& options)
      : options_(options), reference_options_(options), spool_(options.dump_logits) {
    if (!options.reference_model.empty()) reference_options_.model.model = options.reference_model;
  }

  Result<PrecisionEval> run() {
    const Stopwatch watch;
    PARAPET_TRY(prepare());
    PARAPET_TRY(run_reference());
    PARAPET_TRY(run_candidate());
    conclude();
    eval_.total_seconds = watch.milliseconds() / 1000;
    return std::move(eval_);
  }

 private:
  Status prepare() {
    PARAPET_ASSIGN(reference_spec_, parse_side(options_.reference));
    PARAPET_ASSIGN(candidate_spec_, parse_side(options_.candidate));
    if (reference_spec_.kind == SideSpec::Kind::kServer) {
      return Error{ErrorCode::kInvalidArgument,
                   "the reference cannot be a server: it must have whole rows of logits"};
    }
    if (reference_spec_.kind == SideSpec::Kind::kDump && !options_.dump_logits.empty()) {
      return Error{ErrorCode::kInvalidArgument, "the reference is a dump already"};
    }
    // Known before minutes of work, not after.
    if (std::error_code ignored; std::filesystem::exists(options_.dump_logits, ignored)) {
      return Error{ErrorCode::kIo,
                   options_.dump_logits.string() + ": there is such a file already"};
    }
    PARAPET_ASSIGN(config_, config_of(options_.model));
    const auto& folder = options_.tokenizer.empty() ? options_.model.model : options_.tokenizer;
    PARAPET_ASSIGN(auto encoder, is_dummy(options_.model)
                                     ? PromptEncoder::load_for_dummy(folder, config_.vocab_size)
                                     : PromptEncoder::load(folder, config_.vocab_size));
    encoder_ = std::make_unique<PromptEncoder>(std::move(encoder));
    PARAPET_ASSIGN(prompts_, options_.prompts.empty()
                                 ? card_prompts(*encoder_, options_.few_prompts)
                                 : read_prompts(options_.prompts, *encoder_));
    if (options_.max_prompts > 0 && options_.max_prompts < std::ssize(prompts_)) {
      prompts_.resize(static_cast<std::size_t>(options_.max_prompts));
    }
    return describe();
  }

  Status describe() {
    eval_.created = utc_now();
    eval_.machine = this_machine();
    eval_.positions = options_.positions;
    eval_.max_tokens = options_.max_tokens;
    PrecisionCheckpoint& checkpoint = eval_.checkpoint;
    const ModelOptions& model = options_.model;
    checkpoint.name = model.shape.empty() ? model.model.filename().string() : model.shape;
    checkpoint.dummy = is_dummy(model);
    checkpoint.seed = model.seed;
    checkpoint.architecture = config_.architecture;
    checkpoint.num_layers = config_.num_hidden_layers;
    checkpoint.hidden_size = config_.hidden_size;
    checkpoint.vocab_size = config_.vocab_size;
    if (checkpoint.dummy || !options_.hash_checkpoint) return {};
    PARAPET_ASSIGN(checkpoint.sha256, checkpoint_sha256(model.model, options_.on_progress));
    return {};
  }

  Result<std::unique_ptr<Side>> open_reference() {
    PARAPET_ASSIGN(const ModelConfig config, config_of(reference_options_.model));
    if (config.vocab_size != config_.vocab_size) {
      return Error{ErrorCode::kInvalidArgument,
                   "reference model: a vocabulary of " + std::to_string(config.vocab_size) +
                       ", the candidate's has " + std::to_string(config_.vocab_size)};
    }
    return open_side(reference_spec_, "reference", reference_options_, config,
                     encoder_->end_tokens());
  }

  // All prompts' greedy answers; none where there are to be none, or the side has none.
  Result<Answers> answers_of(Side& side, const char* role) {
    if (options_.max_tokens == 0 || !side.can_answer()) return Answers();
    std::vector<std::vector<TokenId>> ids;
    for (const EvalPrompt& prompt : prompts_) ids.push_back(prompt.ids);
    const ProgressCallback on_progress = progress_of(options_.on_progress, role);
    if (on_progress) on_progress("answers", 0, 1);
    PARAPET_ASSIGN(Answers answers, side.answers(ids, options_.max_tokens));
    if (on_progress) on_progress("answers", 1, 1);
    return answers;
  }

  Status run_reference() {
    PARAPET_ASSIGN(const std::unique_ptr<Side> side, open_reference());
    const Stopwatch watch;
    PARAPET_ASSIGN(reference_answers_, answers_of(*side, "reference"));
    plan_ = plan_sequences(prompts_, *encoder_, reference_answers_, options_.positions);
    eval_.reference = side->describe();
    if (reference_spec_.kind == SideSpec::Kind::kDump) {
      PARAPET_ASSIGN(auto dump, LogitsDump::open(options_.reference));
      reference_ = std::make_unique<LogitsDump>(std::move(dump));
    } else {
      PARAPET_TRY(dump_reference(*side));
    }
    eval_.reference.run_seconds = watch.milliseconds() / 1000;
    return {};
  }

  Status dump_reference(Side& side) {
    std::map<std::string, std::vector<TokenId>> answers;
    for (std::size_t i = 0; i < reference_answers_.size(); ++i) {
      answers[prompt_sequence_name(i)] = reference_answers_[i];
    }
    PARAPET_ASSIGN(LogitsDumpWriter writer, LogitsDumpWriter::create(spool_.path(), plan_.sequences,
                                                                     side.vocab_size(), answers));
    PARAPET_TRY(run_side(side, plan_.sequences, config_.vocab_size,
                         progress_of(options_.on_progress, "reference"),
                         [&](std::size_t sequence, const SideRows& rows) {
                           return writer.write(sequence, rows.logits);
                         }));
    PARAPET_TRY(writer.finish());
    PARAPET_ASSIGN(auto dump, LogitsDump::open(spool_.path()));
    reference_ = std::make_unique<LogitsDump>(std::move(dump));
    return {};
  }

  Status run_candidate() {
    PARAPET_ASSIGN(
        const std::unique_ptr<Side> side,
        open_side(candidate_spec_, "candidate", options_, config_, encoder_->end_tokens()));
    const Stopwatch watch;
    PARAPET_ASSIGN(const Answers answers, answers_of(*side, "candidate"));
    RowComparison comparison(prompts_, *encoder_, plan_, *reference_, options_.positions);
    PARAPET_TRY(run_side(*side, plan_.sequences, config_.vocab_size,
                         progress_of(options_.on_progress, "candidate"),
                         [&](std::size_t sequence, const SideRows& rows) {
                           return comparison.add(sequence, rows);
                         }));
    comparison.finish(eval_);
    compare_answers(answers);
    eval_.candidate = side->describe();
    eval_.candidate.run_seconds = watch.milliseconds() / 1000;
    return explain(*side);
  }

  // The variants in between are made of the candidate's own weights and kernels, and so they lead
  // to the reference only where that is float32 on the same ones.
  Status explain(Side& side) {
    const bool leads_to_reference = reference_spec_.format == "float32" &&
                                    reference_spec_.isa == candidate_spec_.isa &&
                                    eval_.reference.device == eval_.candidate.device;
    if (!options_.explain || !leads_to_reference) return {};
    std::size_t count = 0;
    std::int64_t tokens = 0;
    for (const ForcedSequence& sequence : plan_.sequences) {
      tokens += std::ssize(sequence.ids);
      if (count > 0 && tokens > kExplainedTokens) break;
      ++count;
    }
    ExplainOptions how;
    how.reference_model = reference_options_.model.model;
    how.other_kernels = options_.other_kernels;
    how.on_progress = progress_of(options_.on_progress, "candidate");
    PARAPET_ASSIGN(eval_.explanation, side.explain(std::span(plan_.sequences).first(count), how));
    return {};
  }

  void compare_answers(const Answers& candidate) {
    for (std::size_t i = 0; i < eval_.prompts.size(); ++i) {
      PromptPrecision& prompt = eval_.prompts[i];
      if (!reference_answers_.empty()) {
        prompt.reference_text = encoder_->decode(reference_answers_[i]);
      }
      if (!candidate.empty()) prompt.candidate_text = encoder_->decode(candidate[i]);
      if (!prompts_[i].mode || !prompt.reference_text || !prompt.candidate_text) continue;
      prompt.verdict =
          compare_verdicts(*prompt.reference_text, *prompt.candidate_text, *prompts_[i].mode);
    }
  }

  void conclude() {
    eval_.thresholds = check_thresholds(eval_, options_.thresholds);
    eval_.passed = std::ranges::all_of(eval_.thresholds, &PrecisionThresholdResult::passed);
    eval_.verdict = verdict_line(eval_);
  }

  const PrecisionOptions& options_;
  PrecisionOptions reference_options_;
  Spool spool_;
  SideSpec reference_spec_;
  SideSpec candidate_spec_;
  ModelConfig config_;
  std::unique_ptr<PromptEncoder> encoder_;
  std::vector<EvalPrompt> prompts_;
  SequencePlan plan_;
  Answers reference_answers_;
  std::unique_ptr<LogitsDump> reference_;
  PrecisionEval eval_;
};

Status check(const PrecisionOptions& options) {
  const auto refuse = [](const char* field, const char* expected) {
    return Error{ErrorCode::kInvalidArgument, std::string(field) + ": expected " + expected};
  };
  if (options.max_tokens < 0) return refuse("max_tokens", "0 or more");
  if (options.max_prompts < 0) return refuse("max_prompts", "0 or more");
  if (options.top_logprobs < 0) return refuse("top_logprobs", "0 or more");
  return {};
}

}  // namespace

const char* to_string(PrecisionPositions positions) {
  switch (positions) {
    case PrecisionPositions::kLast: return "last";
    case PrecisionPositions::kGenerated: return "generated";
    case PrecisionPositions::kAll: return "all";
  }
  return "";
}

Result<PrecisionEval> eval_precision(const PrecisionOptions& options) {
  return guarded([&]() -> Result<PrecisionEval> {
    PARAPET_TRY(check(options));
    return Evaluation(options).run();
  });
}

}  // namespace parapet
