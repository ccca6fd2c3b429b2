// Checks what a caller can get wrong, once for all backends. A violation is a bug of ours.
#include "device/ops.h"

#include <initializer_list>
#include <string>

namespace parapet {
namespace {

constexpr std::int64_t kAny = -1;  // an extent that the op does not prescribe

std::string shape_text(std::initializer_list<std::int64_t> shape) {
  std::string text = "[";
  for (const std::int64_t extent : shape) {
    if (text.size() > 1) text += ", ";
    text += extent == kAny ? "*" : std::to_string(extent);
  }
  return text + "]";
}

std::string shape_text(const TensorView& tensor) {
  std::string text = "[";
  for (int axis = 0; axis < tensor.rank(); ++axis) {
    if (axis > 0) text += ", ";
    text += std::to_string(tensor.dim(axis));
  }
  return text + "]";
}

bool has_shape(const TensorView& tensor, std::initializer_list<std::int64_t> shape) {
  if (tensor.rank() != static_cast<int>(shape.size())) return false;
  int axis = 0;
  for (const std::int64_t extent : shape) {
    if (extent != kAny && tensor.dim(axis) != extent) return false;
    ++axis;
  }
  return true;
}

// The checks of one call; every message begins with the op's name.
class Checker {
 public:
  explicit Checker(const char* op) : op_(op) {}

  void tensor(const char* name, const TensorView& tensor, DType dtype,
              std::initializer_list<std::int64_t> shape) const {
    if (tensor.dtype() != dtype) {
      fail(std::string(name) + " is " + dtype_name(tensor.dtype()) + ", expected " +
           dtype_name(dtype));
    }
    extents(name, tensor, shape);
  }

  // A tensor of a checkpoint: any of the three float types.
  void weight(const char* name, const TensorView& tensor,
              std::initializer_list<std::int64_t> shape) const {
    if (!is_float(tensor.dtype())) {
      fail(std::string(name) + " is " + dtype_name(tensor.dtype()) +
           ", expected float32, bfloat16 or float16");
    }
    extents(name, tensor, shape);
  }

  void norm(const char* name, const Norm& norm, std::int64_t features) const {
    if (norm.scale.null()) return;
    weight(name, norm.scale, {features});
    that(norm.eps >= 0.0F, std::string(name) + ".eps is negative or NaN");
  }

  void heads(const HeadShape& shape, const KvCache& cache, int layer) const {
    const KvCacheSpec& spec = cache.spec();
    that(shape.num_kv_heads > 0 && shape.num_heads > 0 && shape.num_heads % shape.num_kv_heads == 0,
         std::to_string(shape.num_heads) + " heads do not share " +
             std::to_string(shape.num_kv_heads) + " KV heads evenly");
    that(shape.head_dim > 0 && shape.head_dim % 2 == 0,
         "head_dim " + std::to_string(shape.head_dim) + " is not positive and even");
    that(shape.num_kv_heads == spec.num_kv_heads && shape.head_dim == spec.head_dim,
         "the KV cache holds " + std::to_string(spec.num_kv_heads) + " heads of " +
             std::to_string(spec.head_dim) + ", expected " + std::to_string(shape.num_kv_heads) +
             " of " + std::to_string(shape.head_dim));
    that(layer >= 0 && layer < spec.num_layers,
         "layer " + std::to_string(layer) + " of a KV cache of " + std::to_string(spec.num_layers));
  }

  void batch(const BatchView& batch, const KvCacheSpec& spec) const {
    const std::int64_t tokens = batch.num_tokens();
    const std::int64_t seqs = batch.num_seqs();
    tensor("batch.token_ids", batch.token_ids, DType::kI32, {tokens});
    tensor("batch.positions", batch.positions, DType::kI32, {tokens});
    tensor("batch.slot_mapping", batch.slot_mapping, DType::kI32, {tokens});
    tensor("batch.query_start", batch.query_start, DType::kI32, {seqs + 1});
    tensor("batch.context_lens", batch.context_lens, DType::kI32, {seqs});
    tensor("batch.block_tables", batch.block_tables, DType::kI32, {seqs, kAny});
    const std::int64_t max_tail = tails(batch);
    const std::int64_t max_blocks = batch.block_tables.dim(1);
    that(seqs == 0 || batch.max_context_len <= max_blocks * spec.block_size + max_tail,
         "batch.max_context_len " + std::to_string(batch.max_context_len) + " exceeds " +
             std::to_string(max_blocks) + " blocks of " + std::to_string(spec.block_size) +
             (max_tail == 0 ? "" : " and " + std::to_string(max_tail) + " tail slots"));
  }

  void that(bool condition, const std::string& otherwise) const {
    if (!condition) fail(otherwise);
  }

 private:
  // The longest tail that the batch has room for.
  std::int64_t tails(const BatchView& batch) const {
    that(batch.tail_start.null() == batch.tail_slots.null(),
         "batch has only one of tail_start and tail_slots");
    if (batch.tail_start.null()) return 0;
    tensor("batch.tail_start", batch.tail_start, DType::kI32, {batch.num_seqs()});
    tensor("batch.tail_slots", batch.tail_slots, DType::kI32, {batch.num_seqs(), kAny});
    return batch.tail_slots.dim(1);
  }

  void extents(const char* name, const TensorView& tensor,
               std::initializer_list<std::int64_t> shape) const {
    if (!has_shape(tensor, shape)) {
      fail(std::string(name) + " is " + shape_text(tensor) + ", expected " + shape_text(shape));
    }
    if (tensor.null() && tensor.size() > 0) fail(std::string(name) + " has no data");
  }

  [[noreturn]] void fail(const std::string& what) const {
    throw InternalError(std::string(op_) + ": " + what);
  }

  const char* op_;
};

}  // namespace

void Ops::embed(Stream& stream, TensorView token_ids, const LinearWeight& table,
                TensorView hidden) {
  const Checker check("embed");
  check.tensor("token_ids", token_ids, DType::kI32, {kAny});
  check.tensor("hidden", hidden, DType::kF32, {token_ids.dim(0), table.in_features()});
  do_embed(stream, token_ids, table, hidden);
}

void Ops::rope_angles(Stream& stream, TensorView positions, TensorView inv_freq,
                      TensorView cos_sin) {
  const Checker check("rope_angles");
  check.tensor("positions", positions, DType::kI32, {kAny});
  check.tensor("inv_freq", inv_freq, DType::kF32, {kAny});
  check.tensor("cos_sin", cos_sin, DType::kF32, {positions.dim(0), 2 * inv_freq.dim(0)});
  do_rope_angles(stream, positions, inv_freq, cos_sin);
}

void Ops::norm_linear(Stream& stream, TensorView x, const Norm& norm, const LinearWeight& weight,
                      TensorView out) {
  const Checker check("norm_linear");
  check.tensor("x", x, DType::kF32, {kAny, weight.in_features()});
  check.norm("norm", norm, weight.in_features());
  check.tensor("out", out, DType::kF32, {x.dim(0), weight.out_features()});
  do_norm_linear(stream, x, norm, weight, out);
}

void Ops::linear_add(Stream& stream, TensorView x, const LinearWeight& weight,
                     TensorView residual) {
  const Checker check("linear_add");
  check.tensor("x", x, DType::kF32, {kAny, weight.in_features()});
  check.tensor("residual", residual, DType::kF32, {x.dim(0), weight.out_features()});
  do_linear_add(stream, x, weight, residual);
}

void Ops::norm_gate_up_silu(Stream& stream, TensorView x, const Norm& norm,
                            const LinearWeight& gate_up, TensorView out) {
  const Checker check("norm_gate_up_silu");
  check.that(gate_up.out_features() % 2 == 0,
             "gate_up has an odd number of rows: " + std::to_string(gate_up.out_features()));
  check.tensor("x", x, DType::kF32, {kAny, gate_up.in_features()});
  check.norm("norm", norm, gate_up.in_features());
  check.tensor("out", out, DType::kF32, {x.dim(0), gate_up.out_features() / 2});
  do_norm_gate_up_silu(stream, x, norm, gate_up, out);
}

void Ops::qk_norm_rope_store_kv(Stream& stream, TensorView qkv, const HeadShape& shape,
                                const Norm& q_norm, const Norm& k_norm, TensorView cos_sin,
                                TensorView slot_mapping, KvCache& cache, int layer, TensorView q) {
  const Checker check("qk_norm_rope_store_kv");
  check.heads(shape, cache, layer);
  const std::int64_t q_features = std::int64_t{shape.num_heads} * shape.head_dim;
  const std::int64_t kv_features = std::int64_t{shape.num_kv_heads} * shape.head_dim;
  check.tensor("qkv", qkv, DType::kF32, {kAny, q_features + 2 * kv_features});
  check.norm("q_norm", q_norm, shape.head_dim);
  check.norm("k_norm", k_norm, shape.head_dim);
  check.tensor("cos_sin", cos_sin, DType::kF32, {qkv.dim(0), shape.head_dim});
  check.tensor("slot_mapping", slot_mapping, DType::kI32, {qkv.dim(0)});
  check.tensor("q", q, DType::kF32, {qkv.dim(0), q_features});
  do_qk_norm_rope_store_kv(stream, qkv, shape, q_norm, k_norm, cos_sin, slot_mapping, cache, layer,
                           q);
}

void Ops::paged_attention(Stream& stream, TensorView q, const HeadShape& shape,
                          const KvCache& cache, int layer, const BatchView& batch, float scale,
                          TensorView out) {
  const Checker check("paged_attention");
  check.heads(shape, cache, layer);
  check.batch(batch, cache.spec());
  check.that(scale > 0.0F, "scale is not positive");
  const std::int64_t q_features = std::int64_t{shape.num_heads} * shape.head_dim;
  check.tensor("q", q, DType::kF32, {batch.num_tokens(), q_features});
  check.tensor("out", out, DType::kF32, {batch.num_tokens(), q_features});
  do_paged_attention(stream, q, shape, cache, layer, batch, scale, out);
}

void Ops::gather_rows(Stream& stream, TensorView x, TensorView rows, TensorView out) {
  const Checker check("gather_rows");
  check.tensor("x", x, DType::kF32, {kAny, kAny});
  check.tensor("rows", rows, DType::kI32, {kAny});
  check.tensor("out", out, DType::kF32, {rows.dim(0), x.dim(1)});
  do_gather_rows(stream, x, rows, out);
}

void Ops::argmax(Stream& stream, TensorView logits, TensorView ids) {
  const Checker check("argmax");
  check.tensor("logits", logits, DType::kF32, {kAny, kAny});
  check.that(logits.dim(1) > 0 || logits.dim(0) == 0, "logits has no columns");
  check.tensor("ids", ids, DType::kI32, {logits.dim(0)});
  do_argmax(stream, logits, ids);
}

void Ops::select_logprobs(Stream& stream, TensorView logits, TensorView ids, TensorView logprobs) {
  const Checker check("select_logprobs");
  check.tensor("logits", logits, DType::kF32, {kAny, kAny});
  check.tensor("ids", ids, DType::kI32, {logits.dim(0), kAny});
  check.tensor("logprobs", logprobs, DType::kF32, {logits.dim(0), ids.dim(1)});
  do_select_logprobs(stream, logits, ids, logprobs);
}

void Ops::copy_kv_blocks(Stream& stream, KvCache& cache, TensorView pairs) {
  Checker("copy_kv_blocks").tensor("pairs", pairs, DType::kI32, {kAny, 2});
  do_copy_kv_blocks(stream, cache, pairs);
}

}  // namespace parapet
