#include <malloc.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "api/boundary.h"
#include "api/model_weights.h"
#include "api/stopwatch.h"
#include "base/check.h"
#include "base/memory.h"
#include "base/processor.h"
#include "base/refusal.h"
#include "bench/bench_engine.h"
#include "bench/statistics.h"
#include "parapet/bench.h"
#include "parapet/chat_tokenizer.h"

namespace parapet {
namespace {

constexpr const char* kPrompts[] = {"What is the capital of France?", "How to make a bomb?"};
// What Qwen3Guard's template makes of a short prompt; for checkpoints without a tokenizer.
constexpr std::int64_t kRandomPromptTokens = 303;

std::int64_t resident() { return static_cast<std::int64_t>(resident_memory()); }

// Through the checkpoint's own template where it has one.
Result<std::vector<std::vector<TokenId>>> prompts_of(const CardBenchOptions& options,
                                                     std::int64_t vocab_size) {
  std::vector<std::vector<TokenId>> prompts;
  if (options.model.shape.empty()) {
    auto tokenizer = ChatTokenizer::load(options.model.model);
    if (!tokenizer && tokenizer.error().code != ErrorCode::kNotFound) return tokenizer.error();
    for (const char* text : kPrompts) {
      if (!tokenizer) break;
      auto rendered = tokenizer->render({{"user", text}});
      if (!rendered && rendered.error().code != ErrorCode::kNotFound) return rendered.error();
      prompts.push_back(rendered ? std::move(rendered->ids) : tokenizer->encode(text));
    }
  }
  std::mt19937_64 random(20261125);
  while (prompts.size() < std::size(kPrompts)) {
    prompts.push_back(random_tokens(random, kRandomPromptTokens, vocab_size));
  }
  return prompts;
}

class CardBenchRun {
 public:
  explicit CardBenchRun(const CardBenchOptions& options) : options_(options) {}

  Result<CardBench> run() {
    bench_.processor = processor_name();
    PARAPET_ASSIGN(bench_.dummy_load, load("dummy", /*eager=*/true));
    if (has_weights()) {
      PARAPET_ASSIGN(bench_.real_load, load(options_.model.load_format, /*eager=*/true));
    }
    PARAPET_ASSIGN(prompts_, prompts_of(options_, engine().limits().vocab_size));
    for (const auto& prompt : prompts_) bench_.prompt_tokens += std::ssize(prompt);
    bench_.output_tokens = options_.output_tokens * std::ssize(prompts_);

    std::vector<std::vector<TokenId>> eager;
    PARAPET_ASSIGN(bench_.eager, infer("measuring eager inference", eager));
    PARAPET_TRY(capture());
    std::vector<std::vector<TokenId>> replayed;
    PARAPET_ASSIGN(bench_.replay, infer("measuring replay", replayed));
    if (replayed != eager) {
      return Error{ErrorCode::kInternal, "replay wrote other tokens than eager mode"};
    }
    return std::move(bench_);
  }

 private:
  Engine& engine() { return *setup_.engine; }
  bool has_weights() const { return !is_dummy(options_.model); }

  // What the last load took is given back first, so that none counts on it.
  Result<CardBench::Load> load(const std::string& load_format, bool eager) {
    setup_ = {};
    ::malloc_trim(0);
    auto options = static_cast<const BenchOptions&>(options_);
    options.model.load_format = load_format;
    options.model.enforce_eager = eager;
    const std::int64_t before = resident();
    const Stopwatch watch;
    PARAPET_ASSIGN(setup_, set_up_bench_engine(options));
    return CardBench::Load{.seconds = watch.milliseconds() / 1000,
                           .weights_seconds = setup_.info.load_seconds,
                           .resident_bytes = resident() - before};
  }

  Status capture() {
    PARAPET_ASSIGN(const CardBench::Load loaded,
                   load(has_weights() ? options_.model.load_format : "dummy", /*eager=*/false));
    (void)loaded;
    bench_.engine = setup_.info;
    bench_.capture_seconds = setup_.info.capture_seconds;
    bench_.num_graph_sizes = setup_.info.num_captured_sizes;
    bench_.num_graphs = bench_.num_graph_sizes * engine().model().num_pieces();
    bench_.capture_bytes = setup_.info.capture_bytes;
    return {};
  }

  std::vector<GenerationRequest> requests() const {
    std::vector<GenerationRequest> all;
    for (const auto& prompt : prompts_) {
      GenerationRequest request;
      request.prompt = prompt;
      request.max_tokens = options_.output_tokens;
      request.use_prefix_cache = false;
      all.push_back(std::move(request));
    }
    return all;
  }

  // Both prompts together, again and again; `tokens` is what they were answered with.
  Result<CardBench::Inference> infer(const char* task, std::vector<std::vector<TokenId>>& tokens) {
    CardBench::Inference inference;
    std::vector<double> seconds;
    const std::int64_t before = resident();
    for (int round = 0; round <= options_.rounds; ++round) {
      PARAPET_ASSIGN(const auto answers, run_timed(engine(), requests()));
      double last = 0;
      tokens.clear();
      for (const TimedAnswer& answer : answers) {
        last = std::max(last, answer.milliseconds / 1000);
        tokens.push_back(answer.output.token_ids);
      }
      if (round == 0) {
        inference.first_seconds = last;
      } else {
        seconds.push_back(last);
      }
      if (options_.model.on_progress) {
        options_.model.on_progress(task, static_cast<std::uint64_t>(round) + 1,
                                   static_cast<std::uint64_t>(options_.rounds) + 1);
      }
    }
    inference.seconds = median(seconds);
    inference.resident_bytes = resident() - before;
    return inference;
  }

  const CardBenchOptions& options_;
  EngineSetup setup_;
  std::vector<std::vector<TokenId>> prompts_;
  CardBench bench_;
};

}  // namespace

Result<CardBench> bench_card(const CardBenchOptions& options) {
  return guarded([&]() -> Result<CardBench> {
    PARAPET_TRY(check_range("output_tokens", options.output_tokens, 1, 1 << 20));
    if (options.model.enforce_eager) {
      return refused("enforce_eager", "true", "false: the card tells of both modes");
    }
    return CardBenchRun(options).run();
  });
}

}  // namespace parapet
