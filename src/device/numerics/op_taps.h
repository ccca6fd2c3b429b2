// Looking at what every op of a forward gives, while it runs.
#pragma once

#include <cstdint>

namespace parapet {

// The ops of a forward, cut where an accelerator's kernels end; in the order in which they run.
enum class OpName : std::uint8_t {
  kEmbedding,
  kInputNorm,
  kQkv,
  kQkNorm,    // queries' and keys' heads normalised
  kRope,      // and rotated
  kCachedKv,  // keys and values as attention will read them
  kAttention,
  kOutProjection,
  kAttentionResidual,  // the residual stream after attention was added
  kPostNorm,
  kGateUp,
  kSiluMul,
  kDownProjection,
  kMlpResidual,  // the residual stream after the layer
  kFinalNorm,
  kLogits,
};
const char* op_name(OpName op);  // "embedding", "input_norm", "qkv", ...

// Rows of floats, `stride` apart; the first `features` of each count.
struct TappedRows {
  float* data = nullptr;
  std::int64_t rows = 0;
  std::int64_t features = 0;
  std::int64_t stride = 0;
};

class OpTaps {
 public:
  virtual ~OpTaps() = default;
  // Whether anyone looks between the embedding, the residual streams after layers, and the logits.
  // If not, ops run fused where nothing is rounded between them.
  virtual bool inside_layers() const = 0;
  // Called on the stream, after the op and the rounding of its result. What is written into the
  // rows is what later ops read (but for kCachedKv, which is a copy). `layer` is -1 for the
  // embedding, the number of layers for what follows the last.
  virtual void on_op(int layer, OpName op, const TappedRows& rows) = 0;
};

}  // namespace parapet
