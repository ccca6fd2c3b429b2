// The seam between the model and the hardware. docs/backend.md says what each part promises.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "base/dtype.h"
#include "base/packed_weight.h"
#include "device/tensor.h"
#include "parapet/error.h"

namespace parapet {

class Ops;

// Device memory that frees itself. Move-only; freed after the streams that use it are idle.
class Buffer {
 public:
  virtual ~Buffer() = default;
  virtual void* data() const = 0;
  virtual std::size_t bytes() const = 0;
};

// A matrix [out_features, in_features] in whatever layout the device multiplies fastest.
class LinearWeight {
 public:
  virtual ~LinearWeight() = default;
  virtual std::int64_t in_features() const = 0;
  virtual std::int64_t out_features() const = 0;
};

struct KvCacheSpec {
  int num_layers = 0;
  int num_blocks = 0;
  int block_size = 16;  // tokens a block
  int num_kv_heads = 0;
  int head_dim = 0;
  DType dtype =
      DType::kF32;  // or bf16; or i8 with a scale for each token's key and value of a head

  // Keys and values of one token in all layers.
  std::size_t bytes_per_token() const {
    return 2 * static_cast<std::size_t>(num_layers) * static_cast<std::size_t>(num_kv_heads) *
           cached_row_bytes(dtype, static_cast<std::size_t>(head_dim));
  }
};

// The keys and values of every layer, in blocks. Their layout is the device's own.
class KvCache {
 public:
  virtual ~KvCache() = default;
  virtual const KvCacheSpec& spec() const = 0;
};

// A point in a stream's work.
class Event {
 public:
  virtual ~Event() = default;
  virtual bool ready() const = 0;
  // Returns when all work enqueued before the event is done, with the first error among it.
  virtual Status synchronize() = 0;
};

// A captured sequence of ops, replayable on the stream that captured it.
class Graph {
 public:
  virtual ~Graph() = default;
  virtual std::size_t num_nodes() const = 0;
};

// Ops run in the order they were enqueued. One thread at a time uses a stream.
class Stream {
 public:
  virtual ~Stream() = default;

  virtual std::unique_ptr<Event> record() = 0;
  virtual void wait(const Event& event) = 0;
  virtual Status synchronize() = 0;

  virtual void copy_to_device(void* device, const void* host, std::size_t bytes) = 0;
  virtual void copy_to_host(void* host, const void* device, std::size_t bytes) = 0;

  // Between begin and end, ops are recorded and not run. Copies to and from the host and
  // synchronisation are refused meanwhile; addresses and shapes are frozen into the graph.
  virtual Status begin_capture() = 0;
  virtual Result<std::unique_ptr<Graph>> end_capture() = 0;
  virtual Status replay(const Graph& graph) = 0;
};

struct DeviceInfo {
  std::string name;     // "cpu", "reference", later "cuda:0", "ascend:0"
  std::string isa;      // what the kernels are compiled for: "avx2", "sm_90a", ...
  int num_threads = 1;  // CPU only
  DType activation_dtype = DType::kF32;
  // Quantized weights in groups of at most so many inputs are multiplied in bfloat16, others as
  // integers (ops.h).
  std::int64_t max_bf16_group = 0;
};

class Device {
 public:
  virtual ~Device() = default;

  virtual const DeviceInfo& info() const = 0;
  virtual Ops& ops() = 0;

  virtual Result<std::unique_ptr<Buffer>> allocate(std::size_t bytes) = 0;
  virtual Result<std::unique_ptr<Stream>> create_stream() = 0;
  virtual Result<std::unique_ptr<KvCache>> create_kv_cache(const KvCacheSpec& spec) = 0;

  // Takes weights from host memory that outlives the device's use of them: a CPU keeps pointers
  // into the mapped checkpoint, an accelerator uploads.
  // The parts of a linear weight are stacked along out_features (q, k, v; gate, up); each is
  // [out, in] of f32, bf16 or f16, all of one dtype.
  virtual Result<std::unique_ptr<LinearWeight>> load_linear(std::span<const TensorView> parts) = 0;
  // The same of quantized parts, all of one format, group size and width. The ops that take it
  // quantize their activations too, as packed_weight.h and ops.h say.
  virtual Result<std::unique_ptr<LinearWeight>> load_packed_linear(
      std::span<const PackedMatrix> parts) = 0;
  // A tensor as it is (norm scales). The buffer may alias the host memory.
  virtual Result<std::unique_ptr<Buffer>> load_tensor(const TensorView& host) = 0;
};

}  // namespace parapet
