#include "device/numerics/numerics_ops.h"

#include <algorithm>
#include <utility>

#include "base/parallel.h"
#include "device/host/host_checks.h"
#include "device/host/host_device.h"
#include "device/host/host_kv_cache.h"
#include "device/host/host_packed_linear.h"
#include "device/host/host_stream.h"
#include "device/numerics/numerics_attention.h"
#include "device/numerics/rounded_formulas.h"

namespace parapet {
namespace {

constexpr std::int64_t kRowsOfTask = 16;  // far more work than waking a thread

// Of a weight's inputs; empty where it has none.
std::span<const float> input_factors(const LinearWeight& weight) {
  const auto* const packed = dynamic_cast<const HostPackedLinear*>(&weight);
  return packed == nullptr ? std::span<const float>() : packed->input_factors();
}

float* row_of(TensorView matrix, std::int64_t row) {
  return matrix.as<float>() + row * matrix.dim(1);
}

}  // namespace

NumericsOps::NumericsOps(Device& inner)
    : inner_(inner.ops()),
      max_bf16_group_(inner.info().max_bf16_group),
      num_threads_(inner.info().num_threads),
      exact_(inner, num_threads_) {}

bool NumericsOps::cuts_output() const { return taps_ != nullptr && taps_->inside_layers(); }

bool NumericsOps::takes_apart(const LinearWeight& weight) const {
  return numerics_.exact_packed && dynamic_cast<const HostPackedLinear*>(&weight) != nullptr;
}

bool NumericsOps::cuts_norm(const Norm& norm) const {
  if (norm.scale.null()) return false;
  const bool rounds_scale = has(Rounded::kWeights) && norm.scale.dtype() != DType::kBF16;
  return cuts_output() || has(Rounded::kNorms) || rounds_scale;
}

bool NumericsOps::cuts_input(const LinearWeight& weight) const {
  return cuts_output() || takes_apart(weight) || numerics_.codes.layer_group > 0 ||
         numerics_.codes.head_group > 0;
}

void NumericsOps::each_row(Stream& stream, std::int64_t rows,
                           std::function<void(std::int64_t)> work) {
  own<HostStream>(stream).enqueue([rows, work = std::move(work), threads = num_threads_] {
    const std::int64_t tasks = (rows + kRowsOfTask - 1) / kRowsOfTask;
    for_each_task(static_cast<std::size_t>(tasks), threads,
                  [&](std::size_t task) {
                    const std::int64_t begin = static_cast<std::int64_t>(task) * kRowsOfTask;
                    for (std::int64_t r = begin; r < std::min(rows, begin + kRowsOfTask); ++r)
                      work(r);
                  },
                  {});
  });
}

void NumericsOps::round(Stream& stream, Rounded value, TensorView rows) {
  if (!has(value)) return;
  each_row(stream, rows.dim(0),
           [rows](std::int64_t r) { round_to_bf16(row_of(rows, r), rows.dim(1)); });
}

void NumericsOps::tap(Stream& stream, OpName op, TensorView rows) {
  tap_columns(stream, op, rows, rows.dim(1));
}

void NumericsOps::tap_columns(Stream& stream, OpName op, TensorView rows, std::int64_t features) {
  if (taps_ == nullptr) return;
  const bool inside = op != OpName::kEmbedding && op != OpName::kMlpResidual;
  if (inside && !taps_->inside_layers()) return;
  own<HostStream>(stream).enqueue([taps = taps_, layer = layer_, op, rows, features] {
    taps->on_op(layer, op, {rows.as<float>(), rows.dim(0), features, rows.dim(1)});
  });
}

NumericsOps::Input NumericsOps::normed(Stream& stream, TensorView x, const Norm& norm,
                                       const LinearWeight& weight, OpName op) {
  if (norm.scale.null() || (!cuts_norm(norm) && !cuts_input(weight))) return {x, norm};
  const TensorView out = normed_.matrix(x.dim(0), x.dim(1));
  each_row(stream, x.dim(0), [x, norm, out, rounding = numerics_.rounding](std::int64_t r) {
    rms_norm_row(row_of(x, r), x.dim(1), norm, rounding, row_of(out, r));
  });
  tap(stream, op, out);
  return {out, Norm{}};
}

void NumericsOps::linear(Stream& stream, Input input, const LinearWeight& weight,
                         std::int64_t code_group, Rounded value, TensorView out) {
  if (code_group > 0) {
    const TensorView coded = coded_.matrix(input.x.dim(0), input.x.dim(1));
    const bool codes = code_group > max_bf16_group_;
    const std::span<const float> factors = input_factors(weight);
    each_row(stream, coded.dim(0), [x = input.x, coded, code_group, codes, factors](auto r) {
      float* const row = row_of(coded, r);
      std::copy_n(row_of(x, r), x.dim(1), row);
      for (std::size_t i = 0; i < factors.size(); ++i) row[i] *= factors[i];
      if (codes) {
        take_codes(row, coded.dim(1), code_group);
      } else {
        round_to_bf16(row, coded.dim(1));
      }
      for (std::size_t i = 0; i < factors.size(); ++i) row[i] /= factors[i];
    });
    input.x = coded;
  }
  if (takes_apart(weight)) {
    PARAPET_CHECK(input.norm.scale.null());
    exact_.enqueue(stream, input.x, own<const HostPackedLinear>(weight), out);
  } else {
    inner_.norm_linear(stream, input.x, input.norm, weight, out);
  }
  round(stream, value, out);
}

void NumericsOps::do_embed(Stream& stream, TensorView token_ids, const LinearWeight& table,
                           TensorView hidden) {
  layer_ = -1;
  in_mlp_ = in_head_ = false;
  inner_.embed(stream, token_ids, table, hidden);
  round(stream, Rounded::kResidual, hidden);
  tap(stream, OpName::kEmbedding, hidden);
  layer_ = 0;
}

void NumericsOps::do_rope_angles(Stream& stream, TensorView positions, TensorView inv_freq,
                                 TensorView cos_sin) {
  inner_.rope_angles(stream, positions, inv_freq, cos_sin);
}

void NumericsOps::do_norm_linear(Stream& stream, TensorView x, const Norm& norm,
                                 const LinearWeight& weight, TensorView out) {
  const Input input =
      normed(stream, x, norm, weight, in_head_ ? OpName::kFinalNorm : OpName::kInputNorm);
  const ActivationCodes& codes = numerics_.codes;
  linear(stream, input, weight, in_head_ ? codes.head_group : codes.group_of(layer_),
         in_head_ ? Rounded::kLogits : Rounded::kLinear, out);
  tap(stream, in_head_ ? OpName::kLogits : OpName::kQkv, out);
}

void NumericsOps::do_linear_add(Stream& stream, TensorView x, const LinearWeight& weight,
                                TensorView residual) {
  if (has(Rounded::kLinear) || cuts_input(weight)) {
    const TensorView branch = branch_.matrix(residual.dim(0), residual.dim(1));
    linear(stream, {x, Norm{}}, weight, numerics_.codes.group_of(layer_), Rounded::kLinear, branch);
    tap(stream, in_mlp_ ? OpName::kDownProjection : OpName::kOutProjection, branch);
    each_row(stream, residual.dim(0), [branch, residual](std::int64_t r) {
      const float* const from = row_of(branch, r);
      float* const to = row_of(residual, r);
      for (std::int64_t i = 0; i < residual.dim(1); ++i) to[i] += from[i];
    });
  } else {
    inner_.linear_add(stream, x, weight, residual);
  }
  round(stream, Rounded::kResidual, residual);
  tap(stream, in_mlp_ ? OpName::kMlpResidual : OpName::kAttentionResidual, residual);
  if (in_mlp_) ++layer_;
  in_mlp_ = false;
}

void NumericsOps::do_norm_gate_up_silu(Stream& stream, TensorView x, const Norm& norm,
                                       const LinearWeight& gate_up, TensorView out) {
  in_mlp_ = true;
  const Input input = normed(stream, x, norm, gate_up, OpName::kPostNorm);
  if (!cuts_input(gate_up) && !has(Rounded::kLinear) && !has(Rounded::kActivation)) {
    inner_.norm_gate_up_silu(stream, input.x, input.norm, gate_up, out);
    return;
  }
  const TensorView both = gate_up_.matrix(x.dim(0), gate_up.out_features());
  linear(stream, input, gate_up, numerics_.codes.group_of(layer_), Rounded::kLinear, both);
  tap(stream, OpName::kGateUp, both);
  each_row(stream, out.dim(0), [both, out, rounding = numerics_.rounding](std::int64_t r) {
    const float* const gate = row_of(both, r);
    silu_mul_row(gate, gate + out.dim(1), out.dim(1), rounding, row_of(out, r));
  });
  tap(stream, OpName::kSiluMul, out);
}

// Norm, rotation and rounding of the heads in `qkv`, in place.
void NumericsOps::cut_heads(Stream& stream, TensorView qkv, const HeadShape& shape,
                            const Norm& q_norm, const Norm& k_norm, TensorView cos_sin) {
  const std::int64_t dim = shape.head_dim;
  const int rotated = shape.num_heads + shape.num_kv_heads;
  const Rounding rounding = numerics_.rounding;
  each_row(stream, qkv.dim(0), [=](std::int64_t r) {
    for (int h = 0; h < rotated; ++h) {
      const Norm& norm = h < shape.num_heads ? q_norm : k_norm;
      float* const head = row_of(qkv, r) + h * dim;
      if (!norm.scale.null()) rms_norm_row(head, dim, norm, rounding, head);
    }
  });
  tap_columns(stream, OpName::kQkNorm, qkv, rotated * dim);
  each_row(stream, qkv.dim(0), [=](std::int64_t r) {
    for (int h = 0; h < rotated; ++h) {
      rotate_head(row_of(qkv, r) + h * dim, shape.head_dim, row_of(cos_sin, r), rounding);
    }
  });
  tap_columns(stream, OpName::kRope, qkv, rotated * dim);
  if (!rounding.has(Rounded::kKv)) return;
  each_row(stream, qkv.dim(0), [=](std::int64_t r) {
    const std::int64_t kv = std::int64_t{shape.num_kv_heads} * dim;
    round_to_bf16(row_of(qkv, r) + std::int64_t{shape.num_heads} * dim, 2 * kv);
  });
}

void NumericsOps::do_qk_norm_rope_store_kv(Stream& stream, TensorView qkv, const HeadShape& shape,
                                           const Norm& q_norm, const Norm& k_norm,
                                           TensorView cos_sin, TensorView slot_mapping,
                                           KvCache& cache, int layer, TensorView q) {
  layer_ = attention_layer_ = layer;
  in_head_ = false;
  if (!cuts_output() && !cuts_norm(q_norm) && !cuts_norm(k_norm) && !has(Rounded::kRope) &&
      !has(Rounded::kKv)) {
    inner_.qk_norm_rope_store_kv(stream, qkv, shape, q_norm, k_norm, cos_sin, slot_mapping, cache,
                                 layer, q);
    return;
  }
  const TensorView heads = heads_.matrix(qkv.dim(0), qkv.dim(1));
  each_row(stream, qkv.dim(0), [qkv, heads](std::int64_t r) {
    std::copy_n(row_of(qkv, r), qkv.dim(1), row_of(heads, r));
  });
  cut_heads(stream, heads, shape, q_norm, k_norm, cos_sin);
  // What is left for the inner op is to put things where they belong: a turn by nothing.
  const TensorView identity = identity_.matrix(cos_sin.dim(0), cos_sin.dim(1));
  each_row(stream, identity.dim(0), [identity](std::int64_t r) {
    const std::int64_t half = identity.dim(1) / 2;
    std::fill_n(row_of(identity, r), half, 1.0F);
    std::fill_n(row_of(identity, r) + half, half, 0.0F);
  });
  inner_.qk_norm_rope_store_kv(stream, heads, shape, Norm{}, Norm{}, identity, slot_mapping, cache,
                               layer, q);
  if (cuts_output()) tap_cached_kv(stream, shape, cache, layer, slot_mapping);
}

void NumericsOps::tap_cached_kv(Stream& stream, const HeadShape& shape, const KvCache& cache,
                                int layer, TensorView slot_mapping) {
  const std::int64_t dim = shape.head_dim;
  const std::int64_t values = shape.num_kv_heads * dim;  // behind as many of keys
  const TensorView cached = cached_.matrix(slot_mapping.dim(0), 2 * values);
  each_row(stream, cached.dim(0), [=, &kv = own<const HostKvCache>(cache)](std::int64_t r) {
    const std::int64_t slot = slot_mapping.as<const std::int32_t>()[r];
    for (int h = 0; h < shape.num_kv_heads; ++h) {
      kv.read_key(layer, slot, h, row_of(cached, r) + h * dim);
      kv.read_value(layer, slot, h, row_of(cached, r) + values + h * dim);
    }
  });
  tap(stream, OpName::kCachedKv, cached);
}

void NumericsOps::do_paged_attention(Stream& stream, TensorView q, const HeadShape& shape,
                                     const KvCache& cache, int layer, const BatchView& batch,
                                     float scale, TensorView out) {
  if (has(Rounded::kAttention)) {
    own<HostStream>(stream).enqueue(
        [=, &kv = own<const HostKvCache>(cache), threads = num_threads_] {
          check_batch(batch, kv.spec());
          run_rounded_attention({.q = q,
                                 .shape = shape,
                                 .cache = kv,
                                 .layer = layer,
                                 .batch = batch,
                                 .scale = scale,
                                 .out = out},
                                threads);
        });
  } else {
    inner_.paged_attention(stream, q, shape, cache, layer, batch, scale, out);
  }
  tap(stream, OpName::kAttention, out);
}

void NumericsOps::do_gather_rows(Stream& stream, TensorView x, TensorView rows, TensorView out) {
  // Only the forward's end gathers, after its last attention; and maybe more than once.
  in_head_ = true;
  layer_ = attention_layer_;
  inner_.gather_rows(stream, x, rows, out);
}

void NumericsOps::do_argmax(Stream& stream, TensorView logits, TensorView ids) {
  inner_.argmax(stream, logits, ids);
}

void NumericsOps::do_select_logprobs(Stream& stream, TensorView logits, TensorView ids,
                                     TensorView logprobs) {
  inner_.select_logprobs(stream, logits, ids, logprobs);
}

void NumericsOps::do_copy_kv_blocks(Stream& stream, KvCache& cache, TensorView pairs) {
  inner_.copy_kv_blocks(stream, cache, pairs);
}

}  // namespace parapet
