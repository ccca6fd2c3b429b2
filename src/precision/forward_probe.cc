#include "precision/forward_probe.h"

#include <algorithm>
#include <functional>
#include <optional>
#include <tuple>
#include <utility>

#include "api/backends.h"
#include "api/boundary.h"
#include "api/model_weights.h"
#include "api/stopwatch.h"
#include "base/check.h"
#include "base/refusal.h"
#include "device/numerics/numerics_device.h"
#include "model/qwen3.h"
#include "precision/probe_plan.h"
#include "precision/probe_steps.h"
#include "precision/probe_taps.h"

namespace parapet {
namespace {

constexpr int kBlockSize = 16;
constexpr std::int64_t kMaxRows = 512;      // of a step: what follows is not faster, and is larger
constexpr std::int64_t kMaxLogitRows = 64;  // 39 MB of logits where the vocabulary is Qwen3's
constexpr std::int64_t kDefaultMaxTokens = 8192;

Result<DType> kv_cache_dtype_of(const std::string& name, const ModelConfig& config) {
  if (name == "auto") return config.dtype == DType::kBF16 ? DType::kBF16 : DType::kF32;
  const auto dtype = dtype_from_name(name);
  if (dtype == DType::kF32 || dtype == DType::kBF16 || dtype == DType::kI8) return *dtype;
  return refused("kv_cache_dtype", "'" + name + "'", "'auto', 'float32', 'bfloat16' or 'int8'");
}

Result<Numerics> numerics_of(const ProbeOptions& options) {
  const std::string& dtype = options.model.activation_dtype;
  Numerics numerics = options.numerics;
  if (dtype == "bfloat16") {
    numerics.rounding = numerics.rounding.with(Rounding::bfloat16());
  } else if (dtype != "float32") {
    return refused("activation_dtype", "'" + dtype + "'", "'float32' or 'bfloat16'");
  }
  return numerics;
}

bool rounds_weights(const ProbeOptions& options) {
  return options.model.activation_dtype == "bfloat16" ||
         options.numerics.rounding.has(Rounded::kWeights);
}

bool all_bfloat16(const Weights& weights, const ModelConfig& config) {
  return std::ranges::all_of(expected_tensors(config), [&](const ExpectedTensor& tensor) {
    return weights.packed(tensor.name) != nullptr || weights.at(tensor.name).dtype == DType::kBF16;
  });
}

// Whether weights, device and buffers of the one serve the other, but for rounded weights.
bool same_source(const ProbeOptions& a, const ProbeOptions& b) {
  const auto key = [](const ProbeOptions& options) {
    const ModelOptions& model = options.model;
    return std::tie(model.model, model.load_format, model.shape, model.seed, model.quantization,
                    model.device, model.num_threads, model.max_model_len,
                    model.max_num_batched_tokens, options.isa);
  };
  return key(a) == key(b) && !a.wrap && !b.wrap;
}

TokenId most_likely(std::span<const float> logits) {
  return static_cast<TokenId>(std::ranges::max_element(logits) - logits.begin());
}

}  // namespace

ProbeOptions float32_reference(const ProbeOptions& candidate) {
  ProbeOptions reference = candidate;
  reference.model.quantization.clear();
  reference.model.activation_dtype = "float32";
  reference.model.kv_cache_dtype = "float32";
  reference.wrap = nullptr;
  reference.numerics = {.rounding = {}, .exact_packed = true, .codes = {}};
  return reference;
}

struct ForwardProbe::Impl {
  ProbeOptions options;
  ModelConfig config;
  std::vector<TokenId> end_tokens;
  std::int64_t max_tokens = 0;
  DType kv_dtype = DType::kF32;
  bool weights_bfloat16 = false;
  double load_seconds = 0;
  std::optional<ProbeTaps> taps;
  std::unique_ptr<NumericsDevice> device;
  std::unique_ptr<Device> wrapper;  // null: none
  Device& outer() { return wrapper ? *wrapper : *device; }
  std::optional<Qwen3Model> model;
  std::optional<ProbeSteps> steps;
  std::vector<CachedPrompt> cached;  // what the cache of `steps` holds

  Status load();
  Status read_config();
  Status reconfigure(const ProbeOptions& next);
  Status set_numerics();
  Status create_steps();
  Status check(const ProbePrompt& prompt, std::size_t index) const;
  Result<std::vector<ProbeOutput>> run(std::span<const ProbePrompt> prompts,
                                       std::span<const ProbeOutput> inputs);
  ProbePlan plan_for(std::span<const PlannedPrompt> prompts);
  Status run_step(std::span<const ProbePiece> pieces, std::span<const ProbePrompt> prompts,
                  std::span<const std::vector<TokenId>> ids,
                  std::span<const std::vector<std::int32_t>> tables,
                  std::span<ProbeOutput> outputs);
  Status read_rows(std::span<const ProbeTaps::Row> rows, std::span<const ProbePrompt> prompts,
                   std::span<ProbeOutput> outputs);
  Status continue_greedily(std::span<std::vector<TokenId>> ids,
                           std::span<const PlannedPrompt> planned, const ProbePlan& plan);
  Result<std::vector<TokenId>> next_tokens(std::span<const ProbePiece> pieces);
  void tell(std::int64_t done, std::int64_t total) const {
    if (options.model.on_progress) {
      options.model.on_progress("computing tokens", static_cast<std::uint64_t>(done),
                                static_cast<std::uint64_t>(total));
    }
  }
};

Status ForwardProbe::Impl::read_config() {
  PARAPET_ASSIGN(config, config_of(options.model));
  if (!options.model.shape.empty()) return {};
  PARAPET_ASSIGN(GenerationConfig generation, GenerationConfig::read(options.model.model));
  end_tokens = std::move(generation.eos_token_ids);
  return {};
}

Status ForwardProbe::Impl::load() {
  const Stopwatch watch;
  PARAPET_TRY(read_config());
  const ModelOptions& asked = options.model;
  max_tokens = asked.max_model_len > 0
                   ? asked.max_model_len
                   : std::min(config.max_position_embeddings, kDefaultMaxTokens);
  PARAPET_TRY(check_range("max_model_len", max_tokens, 2, config.max_position_embeddings));
  PARAPET_TRY(check_range("max_num_batched_tokens", asked.max_num_batched_tokens, 1, 1 << 20));
  PARAPET_ASSIGN(std::unique_ptr<Device> plain, create_device({.name = asked.device,
                                                               .num_threads = asked.num_threads,
                                                               .isa = options.isa,
                                                               .activation_dtype = "float32"}));
  device = create_numerics_device(std::move(plain), {});
  if (options.wrap) wrapper = options.wrap(*device);
  PARAPET_TRY(set_numerics());
  PARAPET_ASSIGN(Weights weights, load_weights(asked, config, device->info().num_threads));
  weights_bfloat16 = all_bfloat16(weights, config);
  const StepLimits limits{.max_num_tokens = std::min(asked.max_num_batched_tokens, kMaxRows),
                          .max_num_logit_rows = kMaxLogitRows};
  PARAPET_ASSIGN(model, Qwen3Model::load(outer(), config, std::move(weights), limits));
  PARAPET_TRY(create_steps());
  load_seconds = watch.milliseconds() / 1000;
  return {};
}

// All that can change without loading weights: roundings, taps and the cache's type.
Status ForwardProbe::Impl::set_numerics() {
  PARAPET_ASSIGN(const Numerics numerics, numerics_of(options));
  device->set_numerics(numerics);
  device->set_taps(nullptr);
  taps.reset();
  if (options.keep_hidden || options.keep_ops) {
    taps.emplace(static_cast<int>(config.num_hidden_layers), options.keep_hidden, options.keep_ops);
    device->set_taps(&*taps);
  }
  return {};
}

Status ForwardProbe::Impl::create_steps() {
  PARAPET_ASSIGN(kv_dtype, kv_cache_dtype_of(options.model.kv_cache_dtype, config));
  cached.clear();
  steps.reset();
  const std::int64_t num_blocks = (max_tokens + kBlockSize - 1) / kBlockSize;
  PARAPET_ASSIGN(steps, ProbeSteps::create(outer(), *model, num_blocks, kBlockSize, kv_dtype));
  return {};
}

Status ForwardProbe::Impl::reconfigure(const ProbeOptions& next) {
  const bool reload = !model || !same_source(options, next) ||
                      (rounds_weights(options) != rounds_weights(next) && !weights_bfloat16);
  options = next;
  if (!reload) {
    PARAPET_TRY(set_numerics());
    return create_steps();
  }
  cached.clear();
  steps.reset();
  model.reset();
  wrapper.reset();
  device.reset();
  return load();
}

Status ForwardProbe::Impl::check(const ProbePrompt& prompt, std::size_t index) const {
  const std::string name = "prompt " + std::to_string(index);
  const std::int64_t length = std::ssize(prompt.ids);
  if (length == 0) return refused(name, "empty", "one token or more");
  if (length > max_tokens) {
    return Error{ErrorCode::kTooLong, name + " has " + std::to_string(length) +
                                          " tokens, expected at most " +
                                          std::to_string(max_tokens) + " (max_model_len)"};
  }
  for (const TokenId id : prompt.ids) {
    if (id < 0 || id >= config.vocab_size) {
      return refused(name + ": a token id", std::to_string(id),
                     "0 to " + std::to_string(config.vocab_size - 1));
    }
  }
  std::int64_t previous = -1;
  for (const std::int64_t position : prompt.positions) {
    if (position <= previous || position >= length) {
      return refused(name + ": a position", std::to_string(position),
                     "ascending numbers from 0 to " + std::to_string(length - 1));
    }
    previous = position;
  }
  return {};
}

// Beside what is cached while there is room; then without it.
ProbePlan ForwardProbe::Impl::plan_for(std::span<const PlannedPrompt> prompts) {
  const std::int64_t max_rows = model->limits().max_num_tokens;
  ProbePlan plan = plan_probe(cached, prompts, steps->num_blocks(), kBlockSize, max_rows);
  if (plan.block_tables.empty()) {
    cached.clear();
    plan = plan_probe(cached, prompts, steps->num_blocks(), kBlockSize, max_rows);
  }
  PARAPET_CHECK(!plan.block_tables.empty());
  return plan;
}

Result<std::vector<ProbeOutput>> ForwardProbe::Impl::run(std::span<const ProbePrompt> prompts,
                                                         std::span<const ProbeOutput> inputs) {
  std::vector<std::vector<TokenId>> ids;
  std::vector<PlannedPrompt> planned;
  for (std::size_t i = 0; i < prompts.size(); ++i) {
    PARAPET_TRY(check(prompts[i], i));
    ids.push_back(prompts[i].ids);
    const std::int64_t length = std::ssize(prompts[i].ids);
    const auto& positions = prompts[i].positions;
    const std::int64_t first = positions.empty() ? length - 1 : positions.front();
    // Keys and values of other inputs than the prompt's own are nobody else's.
    planned.push_back({prompts[i].ids, first, inputs.empty() ? length : first, 0});
  }
  std::vector<ProbeOutput> outputs(prompts.size());
  for (std::size_t done = 0; done < prompts.size();) {
    ProbePlan plan = plan_for(std::span(planned).subspan(done));
    const std::size_t count = plan.block_tables.size();
    if (taps) {
      taps->begin(prompts.subspan(done, count), std::span(outputs).subspan(done, count),
                  inputs.empty() ? inputs : inputs.subspan(done, count));
    }
    for (std::size_t i = 0; i < plan.steps.size(); ++i) {
      PARAPET_TRY(run_step(plan.steps[i], prompts.subspan(done, count),
                           std::span(ids).subspan(done, count), plan.block_tables,
                           std::span(outputs).subspan(done, count)));
      // Of the prompts still to come nothing is known but that they are there.
      tell(static_cast<std::int64_t>(done * plan.steps.size() + (i + 1) * count),
           static_cast<std::int64_t>(prompts.size() * plan.steps.size()));
    }
    for (std::size_t i = 0; i < count; ++i) {
      cached.push_back(
          {ids[done + i], std::move(plan.block_tables[i]), planned[done + i].shareable});
    }
    done += count;
  }
  if (taps) taps->end();
  return outputs;
}

Status ForwardProbe::Impl::run_step(std::span<const ProbePiece> pieces,
                                    std::span<const ProbePrompt> prompts,
                                    std::span<const std::vector<TokenId>> ids,
                                    std::span<const std::vector<std::int32_t>> tables,
                                    std::span<ProbeOutput> outputs) {
  std::vector<ProbeTaps::Row> rows;
  std::int64_t first_row = 0;
  for (const ProbePiece& piece : pieces) {
    const auto& positions = prompts[piece.prompt].positions;
    for (std::size_t i = 0; i < positions.size(); ++i) {
      if (positions[i] < piece.begin || positions[i] >= piece.end) continue;
      rows.push_back({first_row + positions[i] - piece.begin, piece.prompt, i});
    }
    first_row += piece.end - piece.begin;
  }
  if (taps) taps->select(rows);
  PARAPET_TRY(steps->forward(pieces, ids, tables));
  const auto max_rows = static_cast<std::size_t>(model->limits().max_num_logit_rows);
  for (std::size_t begin = 0; begin < rows.size(); begin += max_rows) {
    const std::size_t count = std::min(max_rows, rows.size() - begin);
    PARAPET_TRY(read_rows(std::span(rows).subspan(begin, count), prompts, outputs));
  }
  return {};
}

Status ForwardProbe::Impl::read_rows(std::span<const ProbeTaps::Row> rows,
                                     std::span<const ProbePrompt> prompts,
                                     std::span<ProbeOutput> outputs) {
  std::vector<std::int32_t> step_rows;
  std::vector<ProbeTaps::Row> gathered;  // where the ops of the last layer have them
  for (const ProbeTaps::Row& row : rows) {
    gathered.push_back({std::ssize(gathered), row.prompt, row.index});
    step_rows.push_back(static_cast<std::int32_t>(row.row));
  }
  if (taps) taps->select(std::move(gathered));
  PARAPET_ASSIGN(const std::vector<float> logits, steps->logits(step_rows));
  const auto vocab = static_cast<std::ptrdiff_t>(config.vocab_size);
  auto from = logits.begin();
  for (const ProbeTaps::Row& row : rows) {
    auto& to = outputs[row.prompt].logits;
    to.resize(prompts[row.prompt].positions.size() * static_cast<std::size_t>(vocab));
    std::copy_n(from, vocab, to.begin() + static_cast<std::ptrdiff_t>(row.index) * vocab);
    from += vocab;
  }
  return {};
}

// The most likely tokens after each piece that ends its prompt.
Result<std::vector<TokenId>> ForwardProbe::Impl::next_tokens(std::span<const ProbePiece> pieces) {
  std::vector<std::int32_t> rows;
  std::int64_t row = 0;
  for (const ProbePiece& piece : pieces) {
    row += piece.end - piece.begin;
    rows.push_back(static_cast<std::int32_t>(row - 1));
  }
  std::vector<TokenId> tokens;
  const auto max_rows = static_cast<std::size_t>(model->limits().max_num_logit_rows);
  const auto vocab = static_cast<std::size_t>(config.vocab_size);
  for (std::size_t begin = 0; begin < rows.size(); begin += max_rows) {
    const std::size_t count = std::min(max_rows, rows.size() - begin);
    PARAPET_ASSIGN(const std::vector<float> logits,
                   steps->logits(std::span(rows).subspan(begin, count)));
    for (std::size_t i = 0; i < count; ++i) {
      tokens.push_back(most_likely(std::span(logits).subspan(i * vocab, vocab)));
    }
  }
  return tokens;
}

// Prefills, then decodes all prompts of the plan side by side. ids grow by the new tokens, each as
// far as its room.
Status ForwardProbe::Impl::continue_greedily(std::span<std::vector<TokenId>> ids,
                                             std::span<const PlannedPrompt> planned,
                                             const ProbePlan& plan) {
  std::vector<bool> ended(ids.size());
  for (std::size_t i = 0; i < ids.size(); ++i) ended[i] = planned[i].room == 0;
  // Computes the pieces; those that end their prompt give it a token.
  const auto compute = [&](std::span<const ProbePiece> pieces) -> Status {
    PARAPET_TRY(steps->forward(pieces, ids, plan.block_tables));
    PARAPET_ASSIGN(const std::vector<TokenId> tokens, next_tokens(pieces));
    for (std::size_t i = 0; i < pieces.size(); ++i) {
      const std::size_t prompt = pieces[i].prompt;
      std::vector<TokenId>& own = ids[prompt];
      if (ended[prompt] || pieces[i].end < std::ssize(own)) continue;
      const bool end = std::ranges::find(end_tokens, tokens[i]) != end_tokens.end();
      if (!end) own.push_back(tokens[i]);
      ended[prompt] =
          end || std::ssize(own) - std::ssize(planned[prompt].ids) == planned[prompt].room;
    }
    return {};
  };
  for (const auto& pieces : plan.steps) PARAPET_TRY(compute(pieces));
  const auto max_rows = static_cast<std::size_t>(model->limits().max_num_tokens);
  while (true) {
    std::vector<ProbePiece> pieces;
    for (std::size_t i = 0; i < ids.size(); ++i) {
      if (!ended[i]) pieces.push_back({i, std::ssize(ids[i]) - 1, std::ssize(ids[i])});
    }
    if (pieces.empty()) return {};
    for (std::size_t begin = 0; begin < pieces.size(); begin += max_rows) {
      PARAPET_TRY(
          compute(std::span(pieces).subspan(begin, std::min(max_rows, pieces.size() - begin))));
    }
  }
}

ForwardProbe::ForwardProbe(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ForwardProbe::ForwardProbe(ForwardProbe&&) noexcept = default;
ForwardProbe& ForwardProbe::operator=(ForwardProbe&&) noexcept = default;
ForwardProbe::~ForwardProbe() = default;

Result<ForwardProbe> ForwardProbe::load(const ProbeOptions& options) {
  return guarded([&]() -> Result<ForwardProbe> {
    auto impl = std::make_unique<Impl>();
    impl->options = options;
    PARAPET_TRY(impl->load());
    return ForwardProbe(std::move(impl));
  });
}

Status ForwardProbe::reconfigure(const ProbeOptions& options) {
  return guarded([&] { return impl_->reconfigure(options); });
}

Result<std::vector<ProbeOutput>> ForwardProbe::run(std::span<const ProbePrompt> prompts) {
  return guarded([&] { return impl_->run(prompts, {}); });
}

Result<std::vector<ProbeOutput>> ForwardProbe::run_on_inputs_of(
    std::span<const ProbePrompt> prompts, std::span<const ProbeOutput> reference) {
  return guarded([&] {
    PARAPET_CHECK(impl_->taps && prompts.size() == reference.size());
    return impl_->run(prompts, reference);
  });
}

Result<std::vector<std::vector<TokenId>>> ForwardProbe::generate(
    std::span<const std::vector<TokenId>> prompts, std::int64_t max_new_tokens) {
  return guarded([&]() -> Result<std::vector<std::vector<TokenId>>> {
    PARAPET_TRY(check_range("max_new_tokens", max_new_tokens, 0, impl_->max_tokens));
    std::vector<std::vector<TokenId>> ids(prompts.begin(), prompts.end());
    std::vector<PlannedPrompt> planned;
    for (std::size_t i = 0; i < ids.size(); ++i) {
      PARAPET_TRY(impl_->check({ids[i], {}}, i));
      const std::int64_t length = std::ssize(ids[i]);
      const std::int64_t room = std::min(max_new_tokens, impl_->max_tokens - length);
      planned.push_back({prompts[i], length - 1, length, room});
    }
    std::vector<std::vector<TokenId>> answers;
    while (answers.size() < ids.size()) {
      const std::size_t done = answers.size();
      ProbePlan plan = impl_->plan_for(std::span(planned).subspan(done));
      const std::size_t count = plan.block_tables.size();
      PARAPET_TRY(impl_->continue_greedily(std::span(ids).subspan(done, count),
                                           std::span(planned).subspan(done, count), plan));
      for (std::size_t i = done; i < done + count; ++i) {
        answers.emplace_back(ids[i].begin() + std::ssize(prompts[i]), ids[i].end());
        // The last token of an answer may not have been computed.
        const std::int64_t computed = std::max(std::ssize(prompts[i]), std::ssize(ids[i]) - 1);
        impl_->cached.push_back({ids[i], std::move(plan.block_tables[i - done]), computed});
      }
    }
    return answers;
  });
}

const ModelConfig& ForwardProbe::config() const { return impl_->config; }
const DeviceInfo& ForwardProbe::device_info() const { return impl_->device->info(); }
const WeightsSummary& ForwardProbe::weights() const { return impl_->model->weights_summary(); }
bool ForwardProbe::weights_are_bfloat16() const { return impl_->weights_bfloat16; }
DType ForwardProbe::kv_cache_dtype() const { return impl_->kv_dtype; }
const std::vector<TokenId>& ForwardProbe::end_tokens() const { return impl_->end_tokens; }
std::int64_t ForwardProbe::max_prompt_tokens() const { return impl_->max_tokens; }
double ForwardProbe::load_seconds() const { return impl_->load_seconds; }

}  // namespace parapet
