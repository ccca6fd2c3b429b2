#include "bench/bench_engine.h"

#include <optional>
#include <string>
#include <utility>

#include "api/model_weights.h"
#include "api/stopwatch.h"
#include "base/check.h"
#include "bench/statistics.h"

namespace parapet {
Result<EngineSetup> set_up_bench_engine(const BenchOptions& options) {
  if (options.rounds < 1) {
    return Error{ErrorCode::kInvalidArgument,
                 "rounds is " + std::to_string(options.rounds) + ", expected 1 or more"};
  }
  const Stopwatch watch;
  PARAPET_ASSIGN(const ModelConfig config, config_of(options.model));
  PARAPET_ASSIGN(EngineSetup setup, set_up_engine(options.model, config));
  setup.info.total_seconds = watch.milliseconds() / 1000;
  return setup;
}

std::vector<TokenId> random_tokens(std::mt19937_64& random, std::int64_t count,
                                   std::int64_t vocab_size) {
  std::vector<TokenId> tokens;
  for (; count > 0; --count) {
    tokens.push_back(static_cast<TokenId>(random() % static_cast<std::uint64_t>(vocab_size)));
  }
  return tokens;
}

Result<std::vector<TimedAnswer>> run_timed(Engine& engine,
                                           std::vector<GenerationRequest> requests) {
  std::vector<TimedAnswer> answers(requests.size());
  std::optional<Error> error;
  const Stopwatch watch;
  for (std::size_t i = 0; i < answers.size(); ++i) {
    const auto id = engine.add(std::move(requests[i]), [&, i](Result<GenerationOutput> output) {
      if (!output) {
        error = output.error();
      } else {
        answers[i] = {std::move(*output), watch.milliseconds()};
      }
    });
    if (!id) return id.error();
  }
  while (engine.has_work()) engine.step();
  if (error) return *error;
  return answers;
}

Result<TimedAnswer> run_timed(Engine& engine, GenerationRequest request) {
  std::vector<GenerationRequest> one;
  one.push_back(std::move(request));
  PARAPET_ASSIGN(auto answers, run_timed(engine, std::move(one)));
  return std::move(answers.front());
}

Milliseconds percentiles(const std::vector<double>& milliseconds) {
  return {quantile(milliseconds, 0.5), quantile(milliseconds, 0.99)};
}

}  // namespace parapet
