// The tensors of a checkpoint, by name, in place.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/dtype.h"
#include "base/packed_weight.h"
#include "checkpoint/config.h"
#include "parapet/error.h"

namespace parapet {

// One tensor of the checkpoint. `data` points into the mapped file (or into seeded dummy memory)
// and is valid while the Weights live.
struct WeightTensor {
  const void* data = nullptr;
  DType dtype = DType::kF32;
  std::vector<std::int64_t> shape;
};

// A tensor that a configuration calls for.
struct ExpectedTensor {
  std::string name;
  std::vector<std::int64_t> shape;
};
// Every tensor of a Qwen3ForCausalLM of this configuration, under its published name.
std::vector<ExpectedTensor> expected_tensors(const ModelConfig& config);

struct WeightsSummary {
  std::vector<std::filesystem::path> shards;  // empty for dummy weights
  std::int64_t num_tensors = 0;
  std::int64_t num_parameters = 0;
  std::uint64_t bytes = 0;
};

// Called with (done, total) bytes, for a progress bar; from one thread at a time.
using Progress = std::function<void(std::uint64_t done, std::uint64_t total)>;

class Weights {
 public:
  // Maps model.safetensors, or every shard that model.safetensors.index.json names, and checks
  // each against the configuration: offsets, lengths, shapes, dtypes, overlaps, duplicates, missing
  // and unexpected tensors, and that norm scales are finite. Reads no weights but those scales.
  static Result<Weights> open(const std::filesystem::path& directory, const ModelConfig& config);

  // Seeded random weights of config.dtype: normal, with the deviations that keep activations in
  // range, norm scales around one. The same seed gives the same bytes on every machine and for
  // every number of threads.
  static Result<Weights> dummy(const ModelConfig& config, std::uint64_t seed, int num_threads,
                               const Progress& progress = {});

  Weights(Weights&&) noexcept;
  Weights& operator=(Weights&&) noexcept;
  ~Weights();

  // The quantized matrix of this published name ("model.layers.0.mlp.up_proj.weight"), valid while
  // the Weights live; null where the tensor is dense.
  const PackedMatrix* packed(std::string_view name) const;
  // A dense tensor that expected_tensors() names; anything else is a bug of the caller.
  const WeightTensor& at(std::string_view name) const;
  const WeightsSummary& summary() const;

 private:
  struct Impl;
  explicit Weights(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace parapet
