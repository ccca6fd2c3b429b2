#include "device/numerics/op_taps.h"

namespace parapet {

const char* op_name(OpName op) {
  switch (op) {
    case OpName::kEmbedding: return "embedding";
    case OpName::kInputNorm: return "input_norm";
    case OpName::kQkv: return "qkv_proj";
    case OpName::kQkNorm: return "qk_norm";
    case OpName::kRope: return "rope";
    case OpName::kCachedKv: return "kv_cache";
    case OpName::kAttention: return "attention";
    case OpName::kOutProjection: return "o_proj";
    case OpName::kAttentionResidual: return "attention_residual";
    case OpName::kPostNorm: return "post_attention_norm";
    case OpName::kGateUp: return "gate_up_proj";
    case OpName::kSiluMul: return "silu_mul";
    case OpName::kDownProjection: return "down_proj";
    case OpName::kMlpResidual: return "mlp_residual";
    case OpName::kFinalNorm: return "final_norm";
    case OpName::kLogits: return "lm_head";
  }
  return "";
}

}  // namespace parapet
