#include <nlohmann/json.hpp>
#include <string>
#include <system_error>
#include <utility>

#include "api/backends.h"
#include "api/boundary.h"
#include "api/new_folder.h"
#include "api/stopwatch.h"
#include "base/check.h"
#include "base/file.h"
#include "base/output_file.h"
#include "base/refusal.h"
#include "checkpoint/config.h"
#include "checkpoint/quantized_checkpoint.h"
#include "checkpoint/weights.h"
#include "parapet/quantize.h"

namespace parapet {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxConfigBytes = std::size_t{1} << 20;
constexpr int kMaxThreads = 1024;

// What describes the checkpoint beside its weights, as it was: all plain files of the folder but
// weights of any kind, hidden ones, and config.json, which is written anew.
bool is_copied(const fs::directory_entry& entry) {
  const std::string name = entry.path().filename().string();
  if (!entry.is_regular_file() || name.starts_with('.') || name == "config.json") return false;
  if (name.find(".safetensors") != std::string::npos) return false;
  for (const char* suffix :
       {".bin", ".bin.index.json", ".pt", ".pth", ".gguf", ".h5", ".msgpack"}) {
    if (name.ends_with(suffix)) return false;
  }
  return true;
}

Status copy_others(const fs::path& source, const fs::path& folder) {
  std::error_code problem;
  for (const fs::directory_entry& entry : fs::directory_iterator(source, problem)) {
    if (!is_copied(entry)) continue;
    const fs::path target = folder / entry.path().filename();
    fs::copy_file(entry.path(), target, problem);
    if (problem) return Error{ErrorCode::kIo, target.string() + ": " + problem.message()};
  }
  if (problem) return Error{ErrorCode::kIo, source.string() + ": " + problem.message()};
  return {};
}

Status write_config(const fs::path& source, const QuantizationScheme& scheme,
                    const fs::path& folder) {
  PARAPET_ASSIGN(const std::string text, read_file(source / "config.json", kMaxConfigBytes));
  auto config = nlohmann::ordered_json::parse(text);  // ModelConfig::read took it already
  config["quantization_config"] = {
      {"quant_method", "parapet"},
      {"version", 1},
      {"format", weight_format_name(scheme.format)},
      {"group_size", scheme.group_size},
      {"layout", "panel16"},
      {"head_format", weight_format_name(scheme.head_format)},
      {"head_group_size", scheme.head_group_size},
      {"dense_layers", scheme.dense_layers},
      {"input_factors", scheme.input_factors},
  };
  const std::string written = config.dump(2) + "\n";
  PARAPET_ASSIGN(OutputFile file, OutputFile::create(folder / "config.json", written.size()));
  PARAPET_TRY(file.write_at(0, std::as_bytes(std::span(written))));
  return file.finish();
}

Status check_source(const ModelConfig& config, const fs::path& source) {
  if (!config.quantization && !config.compressed_tensors) return {};
  return Error{ErrorCode::kUnsupported,
               (source / "config.json").string() +
                   ": quantization_config: the checkpoint is quantized already; quantize the one "
                   "that it was made from"};
}

Result<QuantizeSummary> quantize(const QuantizeOptions& options) {
  const Stopwatch watch;
  PARAPET_TRY(check_range("num_threads", options.num_threads, 0, kMaxThreads));
  PARAPET_ASSIGN(const ModelConfig config, ModelConfig::read(options.source));
  PARAPET_ASSIGN(const QuantizationScheme scheme,
                 QuantizationScheme::of({.format = options.format,
                                         .group_size = options.group_size,
                                         .dense_layers = options.dense_layers},
                                        config.num_hidden_layers));
  PARAPET_TRY(check_source(config, options.source));
  PARAPET_ASSIGN(const Weights weights, Weights::open(options.source, config));
  PARAPET_ASSIGN(NewFolder folder, NewFolder::create(options.destination));

  QuantizeRun run{usable_threads(options.num_threads), {}, options.should_stop};
  if (options.on_progress) {
    run.progress = [&](std::uint64_t done, std::uint64_t total) {
      options.on_progress("quantizing", done, total);
    };
  }
  PARAPET_TRY(write_config(options.source, scheme, folder.path()));
  PARAPET_TRY(copy_others(options.source, folder.path()));
  PARAPET_ASSIGN(const QuantizedFiles files,
                 write_quantized(weights, config, scheme, folder.path(), run));
  PARAPET_TRY(folder.publish());

  QuantizeSummary summary;
  summary.format = options.format;
  summary.group_size = scheme.group_size;
  summary.dense_layers = scheme.dense_layers;
  summary.num_parameters = weights.summary().num_parameters;
  for (const fs::path& shard : weights.summary().shards) {
    std::error_code ignored;  // it is mapped, so it is there
    summary.bytes_before += fs::file_size(shard, ignored);
  }
  summary.bytes_after = files.bytes;
  for (const KindError& kind : files.kinds) {
    summary.errors.push_back({kind.kind, weight_format_name(kind.format), kind.group_size,
                              kind.num_tensors, kind.mean_error, kind.max_error});
  }
  summary.seconds = watch.milliseconds() / 1000;
  return summary;
}

}  // namespace

Result<QuantizeSummary> quantize_checkpoint(const QuantizeOptions& options) {
  return guarded([&] { return quantize(options); });
}

}  // namespace parapet
