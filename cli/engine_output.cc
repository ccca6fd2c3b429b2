#include "engine_output.h"

#include <fmt/format.h>

#include "numbers.h"

namespace parapet::cli {
namespace {

double gib(std::int64_t bytes) { return static_cast<double>(bytes) / (1 << 30); }

}  // namespace

std::string engine_text(const EngineInfo& engine) {
  std::string text = fmt::format(
      "{} ({}, {} threads): {:.2f} GiB of {} weights{} loaded in {:.2f} s\n"
      "Activations in {}: {:.2f} GiB for steps of {} tokens\n"
      "KV cache: {} tokens in {} ({:.2f} GiB, blocks of {})\n"
      "Maximum concurrency for {} tokens per request: {:.2f}x\n",
      engine.device, engine.isa, engine.num_threads, gib(engine.weight_bytes), engine.weights_dtype,
      dense_layers_text(engine.dense_layers), engine.load_seconds, engine.activation_dtype,
      gib(engine.activation_bytes), engine.max_num_batched_tokens, engine.kv_cache_tokens,
      engine.kv_cache_dtype, gib(engine.kv_cache_bytes), engine.block_size, engine.max_model_len,
      engine.max_concurrency());
  text += engine.num_captured_sizes == 0
              ? "Eager mode: nothing captured\n"
              : fmt::format("Graphs captured {0}/{0} in {1:.3f} s, {2:.2f} MiB\n",
                            engine.num_captured_sizes, engine.capture_seconds,
                            static_cast<double>(engine.capture_bytes) / (1 << 20));
  return text + fmt::format("Ready after {:.2f} s\n", engine.total_seconds);
}

nlohmann::ordered_json engine_json(const EngineInfo& engine) {
  return {{"device", engine.device},
          {"isa", engine.isa},
          {"num_threads", engine.num_threads},
          {"weights_dtype", engine.weights_dtype},
          {"dense_layers", engine.dense_layers},
          {"weight_bytes", engine.weight_bytes},
          {"load_seconds", engine.load_seconds},
          {"activation_dtype", engine.activation_dtype},
          {"activation_bytes", engine.activation_bytes},
          {"max_model_len", engine.max_model_len},
          {"max_num_seqs", engine.max_num_seqs},
          {"max_num_batched_tokens", engine.max_num_batched_tokens},
          {"kv_cache_dtype", engine.kv_cache_dtype},
          {"block_size", engine.block_size},
          {"kv_cache_tokens", engine.kv_cache_tokens},
          {"kv_cache_bytes", engine.kv_cache_bytes},
          {"max_concurrency", engine.max_concurrency()},
          {"captured_sizes", engine.num_captured_sizes},
          {"capture_seconds", engine.capture_seconds},
          {"capture_bytes", engine.capture_bytes},
          {"total_seconds", engine.total_seconds}};
}

}  // namespace parapet::cli
