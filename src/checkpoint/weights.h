// The tensors of a checkpoint, by name, in place.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
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

// What a tensor is for, which decides whether and how it may be quantized.
enum class TensorRole : std::uint8_t {
  kNorm,        // scales of a norm: never
  kEmbedding,   // only looked up, in a model with an output matrix of its own: never
  kProjection,  // a matrix of a layer
  kHead,        // the output matrix; where they are tied, the embedding too
};

// A tensor that a configuration calls for.
struct ExpectedTensor {
  std::string name;
  std::vector<std::int64_t> shape;
  TensorRole role = TensorRole::kNorm;
  std::int64_t layer = -1;  // whose it is; -1: of none
};
// Every tensor of a Qwen3ForCausalLM of this configuration, under its published name.
std::vector<ExpectedTensor> expected_tensors(const ModelConfig& config);

// How the scheme packs this tensor; none: it stays as it is.
std::optional<PackedShape> packed_shape(const ExpectedTensor& tensor,
                                        const QuantizationScheme& scheme);

struct WeightsSummary {
  std::vector<std::filesystem::path> shards;  // empty for dummy weights
  std::int64_t num_tensors = 0;               // as the model has them: a quantized matrix is one
  std::int64_t num_parameters = 0;
  std::uint64_t bytes = 0;  // in memory; of a quantized matrix, its codes and scales
  // The layers' matrices, where they are quantized.
  std::optional<WeightFormat> format;
  std::int64_t group_size = 0;
  std::int64_t dense_layers = 0;  // first layers without a quantized matrix, where others have some
};

// Called with (done, total) bytes, for a progress bar; from one thread at a time.
using Progress = std::function<void(std::uint64_t done, std::uint64_t total)>;

class Weights {
 public:
  // Maps model.safetensors, or every shard that model.safetensors.index.json names, and checks
  // each against the configuration: offsets, lengths, shapes, dtypes, overlaps, duplicates, missing
  // and unexpected tensors, and that scales, of norms and of quantized matrices, are finite. Reads
  // no weights but those scales.
  static Result<Weights> open(const std::filesystem::path& directory, const ModelConfig& config);

  // Seeded random weights of config.dtype: normal, with the deviations that keep activations in
  // range, norm scales around one. The same seed gives the same bytes on every machine and for
  // every number of threads.
  static Result<Weights> dummy(const ModelConfig& config, std::uint64_t seed, int num_threads,
                               const Progress& progress = {});

  // Brings matrices that the files hold in the form of compressed-tensors into the packed layout.
  // To be called before they are asked for; there is nothing to do for other checkpoints.
  Status repack(int num_threads, const Progress& progress = {});

  // Quantizes dense matrices in memory, and gives back that of each as it goes. Codes and scales
  // are those that `parapet quantize` writes. Nothing to do where the checkpoint is quantized in
  // this format already; in another one, it is refused.
  Status quantize(const QuantizationScheme& scheme, int num_threads, const Progress& progress = {});

  Weights(Weights&&) noexcept;
  Weights& operator=(Weights&&) noexcept;
  ~Weights();

  // The quantized matrix of this published name ("model.layers.0.mlp.up_proj.weight"), valid while
  // the Weights live; null where the tensor is dense.
  const PackedMatrix* packed(std::string_view name) const;
  // A dense tensor that expected_tensors() names; anything else is a bug of the caller.
  const WeightTensor& at(std::string_view name) const;
  const WeightsSummary& summary() const;
  // "FILE: tensor NAME" of a dense tensor, for messages.
  std::string where(std::string_view name) const;

 private:
  struct Impl;
  explicit Weights(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace parapet
