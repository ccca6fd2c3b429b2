#include "device/attention_harness.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace parapet::test {
namespace {

constexpr float kEps = 1e-6F;
constexpr int kNoTail = std::numeric_limits<int>::max();

std::size_t index(int i) { return static_cast<std::size_t>(i); }

// Angles of a made-up rotation: what counts is that positions differ.
Floats make_angles(int length, int head_dim) {
  Floats angles(length, head_dim);
  for (int t = 0; t < length; ++t) {
    for (int i = 0; i < head_dim / 2; ++i) {
      const double angle = t * std::pow(100.0, -2.0 * i / head_dim);
      angles.row(t)[i] = static_cast<float>(std::cos(angle));
      angles.row(t)[head_dim / 2 + i] = static_cast<float>(std::sin(angle));
    }
  }
  return angles;
}

// The index tensors of one batch. Entries that no sequence uses are -1: they must not be read.
struct StepInputs {
  Ints positions;
  Ints slots;
  Ints starts{{0}};
  Ints contexts;
  std::vector<std::vector<std::int32_t>> table_rows;
  std::vector<std::vector<std::int32_t>> tail_rows;
  Ints tail_starts;
  Ints tables;
  Ints tails;

  BatchView view(bool with_tails) {
    const std::int64_t max_blocks = pad(table_rows, tables);
    const std::int64_t max_tail = pad(tail_rows, tails);
    BatchView view{.token_ids = positions.vector(),
                   .positions = positions.vector(),
                   .slot_mapping = slots.vector(),
                   .query_start = starts.vector(),
                   .context_lens = contexts.vector(),
                   .block_tables = tables.matrix(max_blocks)};
    if (with_tails) {
      view.tail_start = tail_starts.vector();
      view.tail_slots = tails.matrix(max_tail);
    }
    return view;
  }

 private:
  static std::int64_t pad(const std::vector<std::vector<std::int32_t>>& rows, Ints& to) {
    std::size_t width = 1;
    for (const auto& row : rows) width = std::max(width, row.size());
    for (const auto& row : rows) {
      to.values.insert(to.values.end(), row.begin(), row.end());
      to.values.insert(to.values.end(), width - row.size(), -1);
    }
    return static_cast<std::int64_t>(width);
  }
};

}  // namespace

AttentionHarness::AttentionHarness(Device& device, const AttentionSetup& setup)
    : device_(device),
      setup_(setup),
      stream_(device.create_stream().value()),
      q_norm_(DType::kBF16, 1, setup.shape.head_dim, 1, 1.5),
      k_norm_(DType::kF32, 1, setup.shape.head_dim, 2, 1.5),
      scale_(static_cast<float>(1.0 / std::sqrt(setup.shape.head_dim))) {
  const HeadShape& shape = setup.shape;
  int num_blocks = 1;
  for (std::size_t seq = 0; seq < setup.lengths.size(); ++seq) {
    const int length = setup.lengths[seq];
    qkv_.push_back(Floats::random(
        length, (shape.num_heads + 2 * shape.num_kv_heads) * std::int64_t{shape.head_dim},
        static_cast<unsigned>(100 + seq), 2.0F));
    angles_.push_back(make_angles(length, shape.head_dim));
    const std::int64_t features = std::int64_t{shape.num_heads} * shape.head_dim;
    queries_.emplace_back(length, features, NAN);
    outputs_.emplace_back(length, features, NAN);
    num_blocks += (length + setup.block_size - 1) / setup.block_size;
  }
  done_.assign(setup.lengths.size(), 0);
  tail_starts_.assign(setup.lengths.size(), kNoTail);
  tails_.resize(setup.lengths.size());

  // Blocks in a shuffled order: a sequence's neighbours are strangers.
  std::vector<std::int32_t> blocks(index(num_blocks));
  std::iota(blocks.begin(), blocks.end(), 0);
  std::shuffle(blocks.begin(), blocks.end(), std::mt19937(7));
  for (const int length : setup.lengths) {
    const int count = (length + setup.block_size - 1) / setup.block_size;
    tables_.emplace_back(blocks.end() - count, blocks.end());
    blocks.resize(blocks.size() - index(count));
  }
  spare_block_ = blocks.front();
  cache_ = device
               .create_kv_cache({.num_layers = 2,
                                 .num_blocks = num_blocks,
                                 .block_size = setup.block_size,
                                 .num_kv_heads = shape.num_kv_heads,
                                 .head_dim = shape.head_dim,
                                 .dtype = setup.kv_dtype})
               .value();
}

void AttentionHarness::step(const std::vector<Advance>& batch) {
  const int head_dim = setup_.shape.head_dim;
  StepInputs inputs;
  for (const auto& [seq, tokens] : batch) {
    const int context = done_[index(seq)] + tokens;
    for (int t = done_[index(seq)]; t < context; ++t) {
      inputs.positions.values.push_back(t);
      inputs.slots.values.push_back(slot(seq, t));
    }
    inputs.starts.values.push_back(inputs.starts.values.back() + tokens);
    inputs.contexts.values.push_back(context);
    inputs.table_rows.push_back(tables_[index(seq)]);
    const int tail_start = std::min(context, tail_starts_[index(seq)]);
    inputs.tail_starts.values.push_back(tail_start);
    const auto tail = tails_[index(seq)].begin();
    inputs.tail_rows.emplace_back(tail, tail + (context - tail_start));
  }

  const std::int64_t num_tokens = inputs.starts.values.back();
  Floats qkv(num_tokens, qkv_[0].cols);
  Floats angles(num_tokens, head_dim);
  Floats q(num_tokens, queries_[0].cols, NAN);
  Floats out(num_tokens, queries_[0].cols, NAN);
  std::int64_t row = 0;
  for (const auto& [seq, tokens] : batch) {
    std::copy_n(qkv_[index(seq)].row(done_[index(seq)]), tokens * qkv.cols, qkv.row(row));
    std::copy_n(angles_[index(seq)].row(done_[index(seq)]), tokens * head_dim, angles.row(row));
    row += tokens;
  }

  device_.ops().qk_norm_rope_store_kv(*stream_, qkv.view(), setup_.shape, {q_norm_.vector(), kEps},
                                      {k_norm_.vector(), kEps}, angles.view(),
                                      inputs.slots.vector(), *cache_, setup_.layer, q.view());
  const bool with_tails = std::ranges::any_of(tail_starts_, [](int t) { return t != kNoTail; });
  const BatchView view = inputs.view(with_tails);
  device_.ops().paged_attention(*stream_, q.view(), setup_.shape, *cache_, setup_.layer, view,
                                scale_, out.view());
  const Status status = stream_->synchronize();
  ASSERT_TRUE(status.ok()) << status.error().message;

  row = 0;
  for (const auto& [seq, tokens] : batch) {
    std::copy_n(q.row(row), tokens * q.cols, queries_[index(seq)].row(done_[index(seq)]));
    std::copy_n(out.row(row), tokens * q.cols, outputs_[index(seq)].row(done_[index(seq)]));
    done_[index(seq)] += tokens;
    row += tokens;
  }
}

std::int32_t AttentionHarness::slot(int seq, int position) const {
  const int tail = position - tail_starts_[index(seq)];
  if (tail >= 0) return tails_[index(seq)][index(tail)];
  return tables_[index(seq)][index(position / setup_.block_size)] * setup_.block_size +
         position % setup_.block_size;
}

void AttentionHarness::scatter_tail(int seq, int tail_start) {
  std::vector<std::int32_t> tail;
  for (int t = setup_.lengths[index(seq)]; t-- > tail_start;) tail.push_back(slot(seq, t));
  tables_[index(seq)].resize(index((tail_start + setup_.block_size - 1) / setup_.block_size));
  tails_[index(seq)] = tail;
  tail_starts_[index(seq)] = tail_start;
}

void AttentionHarness::spoil(int seq, int token) {
  Floats& qkv = qkv_[index(seq)];
  std::fill_n(qkv.row(token), qkv.cols, NAN);
}

void AttentionHarness::same_tokens(int seq, int parent, int count) {
  const Floats& from = qkv_[index(parent)];
  std::copy_n(from.row(0), count * from.cols, qkv_[index(seq)].row(0));
}

void AttentionHarness::fork(int seq, int parent, int shared, int tail_start) {
  same_tokens(seq, parent, shared);
  std::vector<std::int32_t> tail;
  for (int t = tail_start; t < setup_.lengths[index(seq)]; ++t) {
    tail.push_back(slot(t < shared ? parent : seq, t));
  }
  const auto blocks = tables_[index(parent)].begin();
  tables_[index(seq)].assign(blocks,
                             blocks + (tail_start + setup_.block_size - 1) / setup_.block_size);
  tails_[index(seq)] = tail;
  tail_starts_[index(seq)] = tail_start;
  done_[index(seq)] = shared;
}

Doubles AttentionHarness::head(int seq, int token, int i) const {
  const float* const from = qkv_[index(seq)].row(token) + std::int64_t{i} * setup_.shape.head_dim;
  return {from, from + setup_.shape.head_dim};
}

Doubles AttentionHarness::normed_and_rotated(int seq, int token, int i,
                                             const TestTensor& norm) const {
  Doubles x = head(seq, token, i);
  double squares = 0.0;
  for (const double value : x) squares += value * value;
  const double rms = std::sqrt(squares / static_cast<double>(x.size()) + kEps);
  for (std::size_t d = 0; d < x.size(); ++d) x[d] *= norm.at(static_cast<std::int64_t>(d)) / rms;
  const std::size_t half = x.size() / 2;
  const float* const angles = angles_[index(seq)].row(token);
  for (std::size_t d = 0; d < half; ++d) {
    const double a = x[d];
    const double b = x[half + d];
    x[d] = a * angles[d] - b * angles[half + d];
    x[half + d] = b * angles[d] + a * angles[half + d];
  }
  return x;
}

Floats AttentionHarness::expected_queries(int seq) const {
  const HeadShape& shape = setup_.shape;
  Floats expected(queries(seq).rows, queries(seq).cols);
  for (int t = 0; t < expected.rows; ++t) {
    for (int h = 0; h < shape.num_heads; ++h) {
      std::ranges::transform(normed_and_rotated(seq, t, h, q_norm_),
                             expected.row(t) + std::int64_t{h} * shape.head_dim,
                             [](double value) { return static_cast<float>(value); });
    }
  }
  return expected;
}

Floats AttentionHarness::expected_outputs(int seq) const {
  const HeadShape& shape = setup_.shape;
  Floats expected(outputs(seq).rows, outputs(seq).cols);
  for (int h = 0; h < shape.num_heads; ++h) {
    const int kv_head = h / (shape.num_heads / shape.num_kv_heads);
    std::vector<Doubles> keys;
    std::vector<Doubles> values;
    for (int t = 0; t < expected.rows; ++t) {
      keys.push_back(normed_and_rotated(seq, t, shape.num_heads + kv_head, k_norm_));
      values.push_back(head(seq, t, shape.num_heads + shape.num_kv_heads + kv_head));
      const Doubles query = normed_and_rotated(seq, t, h, q_norm_);
      double sum = 0.0;
      Doubles mixed(query.size());
      for (std::size_t s = 0; s < keys.size(); ++s) {
        const double score =
            std::inner_product(query.begin(), query.end(), keys[s].begin(), 0.0) * scale_;
        const double weight = std::exp(score);  // scores of these inputs are small
        sum += weight;
        for (std::size_t d = 0; d < mixed.size(); ++d) mixed[d] += weight * values[s][d];
      }
      float* const out = expected.row(t) + std::int64_t{h} * shape.head_dim;
      for (std::size_t d = 0; d < mixed.size(); ++d) out[d] = static_cast<float>(mixed[d] / sum);
    }
  }
  return expected;
}

void AttentionHarness::replace_block(int seq, int i, std::int32_t block) {
  tables_[index(seq)][index(i)] = block;
}

std::int32_t AttentionHarness::block(int seq, int i) const { return tables_[index(seq)][index(i)]; }

}  // namespace parapet::test
