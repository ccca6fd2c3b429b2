// The ops of the seam: everything a Qwen3 forward needs, each on a whole ragged batch of tokens.
//
// A public method checks types and shapes once, for every backend, and calls the virtual behind
// it. Ops only enqueue: results may be read after Stream::synchronize or an Event. All are
// deterministic, and a row of a result depends on nothing but that row's own inputs: not on the
// other rows, their number, nor the number of threads.
#pragma once

#include <cstdint>
#include <span>

#include "device/device.h"
#include "device/tensor.h"

namespace parapet {

// Which tokens of which sequences a step computes. Sequence s owns rows
// [query_start[s], query_start[s+1]) of every per-token tensor; its query tokens are the last ones
// of its context_lens[s] tokens.
struct BatchView {
  TensorView token_ids;     // i32 [tokens]
  TensorView positions;     // i32 [tokens]  position in the own sequence
  TensorView slot_mapping;  // i32 [tokens]  block_id * block_size + offset: where K and V go
  TensorView query_start;   // i32 [seqs + 1]
  TensorView context_lens;  // i32 [seqs]    cached tokens and this step's tokens together
  TensorView block_tables;  // i32 [seqs, max_blocks]  block ids, in order of position
  // Branches of a token tree: where the last tokens of their contexts are not in block_tables. The
  // key of position p lies in slot tail_slots[s][p - tail_start[s]] from p = tail_start[s] on; with
  // tail_start[s] = context_lens[s], as for all sequences where both are null, there are none. A
  // branch so reads tokens of its parent, computed in the same step, without owning their block.
  TensorView tail_start = {};  // i32 [seqs], or null
  TensorView tail_slots = {};  // i32 [seqs, max_tail], or null
  int max_query_len = 0;
  int max_context_len = 0;

  std::int64_t num_tokens() const { return token_ids.dim(0); }
  std::int64_t num_seqs() const { return context_lens.dim(0); }
};

// RMSNorm's parameters. A null scale means: no norm at all.
struct Norm {
  TensorView scale;  // f32, bf16 or f16 [features]
  float eps = 1e-6F;
};

// Per-head shapes of grouped-query attention.
struct HeadShape {
  int num_heads = 0;
  int num_kv_heads = 0;
  int head_dim = 0;
};

class Ops {
 public:
  virtual ~Ops() = default;

  // hidden[t] = table[token_ids[t]].  table [vocab, hidden], hidden f32 [tokens, hidden]. Of a
  // packed table: scale * (code - zero) * factor, exact. Tied to the head, it is the same object.
  void embed(Stream& stream, TensorView token_ids, const LinearWeight& table, TensorView hidden);

  // Rotary angles of each token, once for all layers: cos_sin[t] = cos(p f_0..), sin(p f_0..) with
  // p = positions[t].  inv_freq f32 [head_dim / 2], cos_sin f32 [tokens, head_dim].
  void rope_angles(Stream& stream, TensorView positions, TensorView inv_freq, TensorView cos_sin);

  // The three linear ops. A packed weight is multiplied with quantized activations: with y =
  // norm(x), times the weight's input factors if it has any, and m = max|y| of a group of a row, a
  // = m / 127 and q_i = y_i * (127 / m), computed in float and rounded to the nearest integer, ties
  // to even; all q_i = 0 where m < 2^-100. An output is then the sum over groups, in order and in
  // float, of (scale * a) * sum of (code_i - zero) q_i, whose inner sum is an exact integer. A
  // group with NaN or infinity makes its row's outputs NaN.
  //
  // A device with matrix tiles of bfloat16 (DeviceInfo::max_bf16_group) multiplies, for weights in
  // groups that small, y_i rounded to bfloat16, ties to even, with scale * (code - zero) rounded
  // likewise, ties away from zero, and sums in fp32: inputs lose less than as codes. bfloat16
  // weights it multiplies with each input's three parts of 8 bits, so that products are exact.

  // out = norm(x) W^T.  x f32 [tokens, in], out f32 [tokens, out].
  // norm(x)_i = x_i / sqrt(mean(x^2) + eps) * scale_i  (Zhang and Sennrich 2019).
  void norm_linear(Stream& stream, TensorView x, const Norm& norm, const LinearWeight& weight,
                   TensorView out);

  // residual += x W^T.  x f32 [tokens, in], residual f32 [tokens, out].
  void linear_add(Stream& stream, TensorView x, const LinearWeight& weight, TensorView residual);

  // out = silu(gate) * up, with [gate | up] = norm(x) W^T; silu(v) = v / (1 + exp(-v)).
  // x f32 [tokens, in], W [2 * features, in], out f32 [tokens, features].
  void norm_gate_up_silu(Stream& stream, TensorView x, const Norm& norm,
                         const LinearWeight& gate_up, TensorView out);

  // From the fused projection qkv [tokens, (heads + 2 kv_heads) * head_dim]: each query and key
  // head is normalised, then rotated (pairs are i and i + head_dim / 2); queries go to q
  // [tokens, heads * head_dim], keys and values into the cache at slot_mapping.
  void qk_norm_rope_store_kv(Stream& stream, TensorView qkv, const HeadShape& shape,
                             const Norm& q_norm, const Norm& k_norm, TensorView cos_sin,
                             TensorView slot_mapping, KvCache& cache, int layer, TensorView q);

  // Causal attention of each query over its own sequence's context, read through block_tables and
  // tail_slots: which of them names a key changes no bit of the result. Query head h reads KV head
  // h / (heads / kv_heads).  q and out f32 [tokens, heads * head_dim].
  void paged_attention(Stream& stream, TensorView q, const HeadShape& shape, const KvCache& cache,
                       int layer, const BatchView& batch, float scale, TensorView out);

  // out[r] = x[rows[r]].  rows i32 [n], x f32 [tokens, features], out f32 [n, features].
  void gather_rows(Stream& stream, TensorView x, TensorView rows, TensorView out);

  // ids[r] = the smallest index of logits[r]'s maximum; -1 where any logit of the row is NaN.
  void argmax(Stream& stream, TensorView logits, TensorView ids);

  // logprobs[r][j] = logits[r][ids[r][j]] - log(sum(exp(logits[r]))); NaN where the row holds one.
  // logits f32 [n, vocab], ids i32 [n, m], logprobs f32 [n, m].
  void select_logprobs(Stream& stream, TensorView logits, TensorView ids, TensorView logprobs);

  // Copies whole blocks in all layers, for sequences that part from a shared prefix.
  // pairs i32 [n, 2]: source and destination block id.
  void copy_kv_blocks(Stream& stream, KvCache& cache, TensorView pairs);

 protected:
  virtual void do_embed(Stream&, TensorView token_ids, const LinearWeight& table,
                        TensorView hidden) = 0;
  virtual void do_rope_angles(Stream&, TensorView positions, TensorView inv_freq,
                              TensorView cos_sin) = 0;
  virtual void do_norm_linear(Stream&, TensorView x, const Norm&, const LinearWeight&,
                              TensorView out) = 0;
  virtual void do_linear_add(Stream&, TensorView x, const LinearWeight&, TensorView residual) = 0;
  virtual void do_norm_gate_up_silu(Stream&, TensorView x, const Norm&, const LinearWeight&,
                                    TensorView out) = 0;
  virtual void do_qk_norm_rope_store_kv(Stream&, TensorView qkv, const HeadShape&,
                                        const Norm& q_norm, const Norm& k_norm, TensorView cos_sin,
                                        TensorView slot_mapping, KvCache&, int layer,
                                        TensorView q) = 0;
  virtual void do_paged_attention(Stream&, TensorView q, const HeadShape&, const KvCache&,
                                  int layer, const BatchView&, float scale, TensorView out) = 0;
  virtual void do_gather_rows(Stream&, TensorView x, TensorView rows, TensorView out) = 0;
  virtual void do_argmax(Stream&, TensorView logits, TensorView ids) = 0;
  virtual void do_select_logprobs(Stream&, TensorView logits, TensorView ids,
                                  TensorView logprobs) = 0;
  virtual void do_copy_kv_blocks(Stream&, KvCache&, TensorView pairs) = 0;
};

}  // namespace parapet
