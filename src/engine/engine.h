// Answers generation requests on one device. Token ids in, token ids out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "checkpoint/config.h"
#include "checkpoint/weights.h"
#include "device/device.h"
#include "engine/model_runner.h"
#include "engine/options.h"
#include "engine/request.h"
#include "engine/sampler.h"
#include "engine/scheduler.h"
#include "engine/sequence.h"
#include "engine/step_rows.h"
#include "parapet/engine_info.h"
#include "parapet/error.h"

namespace parapet {

struct EngineStats {
  SchedulerStats scheduler;
  std::int64_t num_running = 0;
  std::int64_t num_waiting = 0;
  std::int64_t num_kv_blocks = 0;
  std::int64_t num_free_kv_blocks = 0;  // nobody uses them; they may hold prefixes
  std::int64_t num_cached_kv_blocks = 0;
  std::int64_t num_steps = 0;
  std::int64_t num_rows = 0;  // tokens and draft nodes computed
  std::int64_t num_finished = 0;
  std::int64_t num_drafts = 0;
  std::int64_t num_draft_tokens = 0;
  std::int64_t num_accepted_draft_tokens = 0;
  std::vector<std::int64_t> num_accepted_by_depth;  // up to the deepest so far
  StepTokens step_tokens;
  double step_seconds = 0;   // in steps
  double model_seconds = 0;  // of them, in the device's ops
};

// Called once for each request: its answer, or why there is none.
using OnAnswer = std::function<void(Result<GenerationOutput>)>;
// Called after each step with the tokens computed so far, and how many there will be at most.
using StepProgress = std::function<void(std::int64_t computed, std::int64_t expected)>;

// One thread at a time may call it. The device must outlive it.
class Engine {
 public:
  static Result<std::unique_ptr<Engine>> create(Device& device, const ModelConfig& config,
                                                Weights weights, const EngineOptions& options,
                                                const CapturedPieces::Progress& progress = {});

  // Takes a request in, or refuses it at once: a refused one has no id and calls nothing.
  Result<RequestId> add(GenerationRequest request, OnAnswer on_answer);
  // Answers with ErrorCode::kCancelled now. False where the request has had its answer.
  bool cancel(RequestId id);
  bool has_work() const { return scheduler_.has_work(); }
  // Computes one step. A request's answer does not depend on which others share its steps. Answers
  // are given in here; what is called may add and cancel requests.
  void step();

  // One answer a request, in their order. Only when no other request is under way.
  std::vector<Result<GenerationOutput>> generate(std::span<const GenerationRequest> requests,
                                                 const StepProgress& progress = {});

  const EngineLimits& limits() const { return limits_; }
  const Qwen3Model& model() const { return runner_.model(); }
  const CapturedPieces& captured() const { return runner_.captured(); }
  EngineStats stats() const;
  void reset_prefix_cache() { scheduler_.forget_prefixes(); }
  // After each step, PARAPET_CHECK that no block is lost. For tests; always on in debug builds.
  void check_every_step(bool check) { check_every_step_ = check; }

 private:
  struct Active {
    Active(RequestId id, GenerationRequest request, std::int64_t max_tokens, OnAnswer its_on_answer)
        : sequence(id, std::move(request), max_tokens), on_answer(std::move(its_on_answer)) {}
    Sequence sequence;
    OnAnswer on_answer;
  };

  Engine(const EngineLimits& limits, ModelRunner runner)
      : limits_(limits), runner_(std::move(runner)), scheduler_(limits) {}

  void compute(const Step& step);
  std::optional<Error> accept(const ScheduledSequence& scheduled, std::size_t index,
                              StepRows& rows);
  void count_accepted(std::size_t depth);  // of a draft's token
  static void write(Sequence& sequence, NextToken& next);
  static GenerationOutput output_of(Sequence& sequence);
  void finish(Sequence& sequence, std::optional<Error> error);
  void fail_all(const Error& error);

  EngineLimits limits_;
  ModelRunner runner_;
  Scheduler scheduler_;
  Sampler sampler_;
  std::unordered_map<RequestId, std::unique_ptr<Active>> active_;
  RequestId last_id_ = 0;
  EngineStats totals_;
#ifdef NDEBUG
  bool check_every_step_ = false;
#else
  bool check_every_step_ = true;
#endif
};

}  // namespace parapet
