#include "api/model_weights.h"

#include <optional>
#include <string>
#include <utility>

#include "base/check.h"
#include "checkpoint/shapes.h"

namespace parapet {
namespace {

Progress progress_of(const ModelOptions& options, const char* task) {
  if (!options.on_progress) return {};
  return [&options, task](std::uint64_t done, std::uint64_t total) {
    options.on_progress(task, done, total);
  };
}

Result<Weights> open_weights(const ModelOptions& options, const ModelConfig& config,
                             int num_threads) {
  if (is_dummy(options)) {
    return Weights::dummy(config, options.seed, num_threads,
                          progress_of(options, "making dummy weights"));
  }
  if (options.load_format == "auto") return Weights::open(options.model, config);
  return Error{ErrorCode::kInvalidArgument,
               "load_format: '" + options.load_format + "'; expected 'auto' or 'dummy'"};
}

}  // namespace

Result<ModelConfig> config_of(const ModelOptions& options) {
  return options.shape.empty() ? ModelConfig::read(options.model) : config_of_shape(options.shape);
}

bool is_dummy(const ModelOptions& options) {
  return !options.shape.empty() || options.load_format == "dummy";
}

Result<Weights> load_weights(const ModelOptions& options, const ModelConfig& config,
                             int num_threads) {
  std::optional<QuantizationScheme> scheme = config.quantization;
  if (!options.quantization.empty()) {
    PARAPET_ASSIGN(
        scheme, QuantizationScheme::of({.format = options.quantization}, config.num_hidden_layers));
  }
  PARAPET_ASSIGN(Weights weights, open_weights(options, config, num_threads));
  PARAPET_TRY(weights.repack(num_threads, progress_of(options, "repacking weights")));
  if (scheme) {
    PARAPET_TRY(weights.quantize(*scheme, num_threads, progress_of(options, "quantizing weights")));
  }
  return weights;
}

}  // namespace parapet
