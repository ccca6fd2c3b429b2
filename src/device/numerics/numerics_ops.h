// The ops, cut where something is rounded or looked at.
#pragma once

#include <functional>

#include "device/numerics/exact_linear.h"
#include "device/numerics/numerics.h"
#include "device/numerics/op_taps.h"
#include "device/numerics/scratch.h"
#include "device/ops.h"

namespace parapet {

class NumericsOps final : public Ops {
 public:
  explicit NumericsOps(Device& inner);

  void set_numerics(const Numerics& numerics) { numerics_ = numerics; }
  void set_taps(OpTaps* taps) { taps_ = taps; }

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

 private:
  // A matrix with its input as it is, and the norm that it is still to be given.
  struct Input {
    TensorView x;
    Norm norm;
  };

  bool has(Rounded value) const { return numerics_.rounding.has(value); }
  // Whether a packed matrix is multiplied as floats.
  bool takes_apart(const LinearWeight& weight) const;
  // Whether what a norm gives, what a matrix is given, and what any op gives must be seen.
  bool cuts_norm(const Norm& norm) const;
  bool cuts_input(const LinearWeight& weight) const;
  bool cuts_output() const;

  // x normalised, where that must be seen; else both as they are.
  Input normed(Stream& stream, TensorView x, const Norm& norm, const LinearWeight& weight,
               OpName op);
  // out = norm(x) W^T, rounded where `value` is.
  void linear(Stream& stream, Input input, const LinearWeight& weight, std::int64_t code_group,
              Rounded value, TensorView out);
  void cut_heads(Stream& stream, TensorView qkv, const HeadShape& shape, const Norm& q_norm,
                 const Norm& k_norm, TensorView cos_sin);
  void tap_cached_kv(Stream& stream, const HeadShape& shape, const KvCache& cache, int layer,
                     TensorView slot_mapping);

  void round(Stream& stream, Rounded value, TensorView rows);
  // Work on each row, several rows at a time where they are many. It must not throw.
  void each_row(Stream& stream, std::int64_t rows, std::function<void(std::int64_t)> work);
  void tap(Stream& stream, OpName op, TensorView rows);
  void tap_columns(Stream& stream, OpName op, TensorView rows, std::int64_t features);

  Ops& inner_;
  std::int64_t max_bf16_group_;
  Numerics numerics_;
  OpTaps* taps_ = nullptr;
  int num_threads_;
  ExactLinear exact_;

  // Where in the forward the next op stands; ops come in the forward's order.
  int layer_ = 0;
  int attention_layer_ = -1;  // of the last attention
  bool in_mlp_ = false;       // the next linear_add is the down projection
  bool in_head_ = false;      // the next norm_linear is the head

  Scratch normed_;
  Scratch coded_;
  Scratch branch_;
  Scratch gate_up_;
  Scratch heads_;
  Scratch identity_;  // angles of zero
  Scratch cached_;
};

}  // namespace parapet
