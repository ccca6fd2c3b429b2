#pragma once

#include "device/ops.h"

namespace parapet {

class ReferenceOps final : public Ops {
 protected:
  void do_embed(Stream&, TensorView token_ids, const LinearWeight& table,
                TensorView hidden) override;
  void do_rope_angles(Stream&, TensorView positions, TensorView inv_freq,
                      TensorView cos_sin) override;
  void do_norm_linear(Stream&, TensorView x, const Norm&, const LinearWeight&,
                      TensorView out) override;
  void do_linear_add(Stream&, TensorView x, const LinearWeight&, TensorView residual) override;
  void do_norm_gate_up_silu(Stream&, TensorView x, const Norm&, const LinearWeight&,
                            TensorView out) override;
  void do_qk_norm_rope_store_kv(Stream&, TensorView qkv, const HeadShape&, const Norm& q_norm,
                                const Norm& k_norm, TensorView cos_sin, TensorView slot_mapping,
                                KvCache&, int layer, TensorView q) override;
  void do_paged_attention(Stream&, TensorView q, const HeadShape&, const KvCache&, int layer,
                          const BatchView&, float scale, TensorView out) override;
  void do_gather_rows(Stream&, TensorView x, TensorView rows, TensorView out) override;
  void do_argmax(Stream&, TensorView logits, TensorView ids) override;
  void do_select_logprobs(Stream&, TensorView logits, TensorView ids, TensorView logprobs) override;
  void do_copy_kv_blocks(Stream&, KvCache&, TensorView pairs) override;
};

}  // namespace parapet
