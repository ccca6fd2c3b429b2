#include "precision/attribution.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <tuple>
#include <utility>

#include "api/backends.h"
#include "base/check.h"
#include "precision/difference_plan.h"
#include "precision/error_tables.h"

namespace parapet {
namespace {

// What is computed depends on these alone; equal variants are run once.
using VariantKey = std::tuple<std::string, std::string, std::uint64_t, std::string, std::string,
                              std::uint32_t, bool, std::int64_t, std::int64_t, std::int64_t, bool>;

class Attributor {
 public:
  Attributor(ForwardProbe& probe, const ProbeOptions& reference, const ProbeOptions& candidate,
             std::span<const ProbePrompt> prompts, const AttributionOptions& options)
      : probe_(probe),
        reference_(reference),
        candidate_(candidate),
        prompts_(prompts),
        options_(options) {
    for (ProbeOptions* const side : {&reference_, &candidate_}) {
      side->keep_hidden = side->keep_ops = false;
    }
  }

  Result<Attribution> run() {
    PARAPET_TRY(start("reference"));
    PARAPET_TRY(probe_.reconfigure(reference_));
    reference_is_packed_ = probe_.weights().format.has_value();
    Attribution result;
    PARAPET_ASSIGN(const std::vector<PlannedDifference> planned,
                   differences_of(candidate_, reference_, probe_));
    count_runs(planned);
    normalise();
    PARAPET_ASSIGN(reference_outputs_, probe_.run(prompts_));
    if (options_.layers) PARAPET_TRY(tables_of_reference());
    if (options_.sources) {
      PARAPET_TRY(run_alone(planned, result));
      PARAPET_TRY(run_together(planned, result));
    }
    PARAPET_TRY(start("candidate"));
    PARAPET_ASSIGN(result.candidate, divergence_of(candidate_));
    if (options_.layers) PARAPET_TRY(tables_of_candidate(result));
    if (options_.other_kernels) PARAPET_TRY(run_other_kernels(result));
    if (options_.on_run) options_.on_run(total_, total_, "");
    return result;
  }

 private:
  // The candidate in the words that variants are made of, so that one that has all of its
  // differences is known to be it.
  void normalise() {
    candidate_.model.kv_cache_dtype = cache_dtype_name(candidate_, probe_.config());
    if (candidate_.model.activation_dtype == "float32") return;
    candidate_.model.activation_dtype = "float32";
    candidate_.numerics.rounding = candidate_.numerics.rounding.with(Rounding::bfloat16());
  }

  VariantKey key_of(const ProbeOptions& variant) const {
    const Numerics& numerics = variant.numerics;
    // Whether a dense matrix would be taken apart if it were packed makes no variant.
    const bool packed = !variant.model.quantization.empty() || reference_is_packed_ ||
                        variant.model.model != reference_.model.model;
    return {variant.model.shape,
            variant.model.model.string(),
            variant.model.seed,
            variant.model.quantization,
            variant.model.kv_cache_dtype,
            numerics.rounding.bits(),
            packed && numerics.exact_packed,
            numerics.codes.layer_group,
            numerics.codes.head_group,
            numerics.codes.first_layer,
            variant.wrap != nullptr};
  }

  Status start(std::string_view name) {
    if (options_.on_run) options_.on_run(std::min(done_, total_), total_, name);
    ++done_;
    return {};
  }

  void count_runs(const std::vector<PlannedDifference>& planned) {
    const std::int64_t sources =
        std::ranges::count_if(planned, [](const auto& each) { return each.none_because.empty(); });
    total_ = 2 + (options_.layers ? 6 : 0) + (options_.other_kernels ? 3 : 0) +
             (options_.sources ? 2 * sources : 0);
  }

  Result<LogitDivergence> divergence_of(const ProbeOptions& variant) {
    const VariantKey key = key_of(variant);
    if (const auto known = known_.find(key); known != known_.end()) return known->second;
    PARAPET_TRY(probe_.reconfigure(variant));
    PARAPET_ASSIGN(const std::vector<ProbeOutput> outputs, probe_.run(prompts_));
    return known_[key] = divergence(outputs, reference_outputs_);
  }

  // Those that need no other weights first.
  Status run_alone(const std::vector<PlannedDifference>& planned, Attribution& result) {
    for (const PlannedDifference& each : planned) {
      result.sources.push_back({.name = each.name,
                                .what = each.what,
                                .none_because = each.none_because,
                                .alone = {.agreement = 1},
                                .together = {.agreement = 1}});
    }
    for (const bool quantizes : {false, true}) {
      for (std::size_t i = 0; i < planned.size(); ++i) {
        ProbeOptions variant = reference_;
        planned[i].apply(variant);
        const bool other_weights = planned[i].name == "weights";
        if (!planned[i].none_because.empty() || other_weights != quantizes) continue;
        PARAPET_TRY(start(planned[i].name));
        PARAPET_ASSIGN(result.sources[i].alone, divergence_of(variant));
      }
    }
    double sum = 0;
    for (const DifferenceSource& source : result.sources) {
      sum += source.alone.rms_relative_l2 * source.alone.rms_relative_l2;
    }
    result.sum_of_squares = std::sqrt(sum);
    for (DifferenceSource& source : result.sources) {
      const double square = source.alone.rms_relative_l2 * source.alone.rms_relative_l2;
      source.share = sum > 0 ? square / sum : 0;
    }
    return {};
  }

  Status run_together(const std::vector<PlannedDifference>& planned, Attribution& result) {
    ProbeOptions variant = reference_;
    LogitDivergence last{.agreement = 1};
    for (std::size_t i = 0; i < planned.size(); ++i) {
      if (planned[i].none_because.empty()) {
        planned[i].apply(variant);
        PARAPET_TRY(start("with " + planned[i].name));
        PARAPET_ASSIGN(last, divergence_of(variant));
      }
      result.sources[i].together = last;
    }
    return {};
  }

  // The candidate against its own logits, so that what it differs by from the reference is not in
  // it.
  Status run_other_kernels(Attribution& result) {
    if (reference_.model.device != "cpu") return {};
    const std::vector<std::string> isas = available_isas();
    const auto other = std::ranges::find_if(
        isas, [&](const std::string& isa) { return isa != probe_.device_info().isa; });
    if (other == isas.end()) return {};
    result.other_kernels = *other;
    PARAPET_ASSIGN(const auto candidate, outputs_of(candidate_, "candidate"));
    ProbeOptions variant = candidate_;
    variant.isa = *other;
    PARAPET_ASSIGN(auto outputs, outputs_of(variant, "candidate on " + *other));
    result.candidate_on_other_kernels = divergence(outputs, candidate);
    variant = reference_;
    variant.isa = *other;
    PARAPET_ASSIGN(outputs, outputs_of(variant, "reference on " + *other));
    result.reference_on_other_kernels = divergence(outputs, reference_outputs_);
    return {};
  }

  Result<std::vector<ProbeOutput>> outputs_of(const ProbeOptions& variant, std::string_view name) {
    PARAPET_TRY(start(name));
    PARAPET_TRY(probe_.reconfigure(variant));
    return probe_.run(prompts_);
  }

  LogitDivergence divergence(std::span<const ProbeOutput> outputs,
                             std::span<const ProbeOutput> from) const {
    return logit_divergence(outputs, from, probe_.config().vocab_size,
                            probe_.device_info().num_threads);
  }

  Status tables_of_reference() {
    layer_prompts_ = first_positions(prompts_, options_.max_layer_positions);
    op_prompts_ = first_positions(prompts_, options_.max_op_positions);
    PARAPET_ASSIGN(layer_reference_, kept(reference_, layer_prompts_, false));
    PARAPET_ASSIGN(op_reference_, kept(reference_, op_prompts_, true));
    return {};
  }

  Result<std::vector<ProbeOutput>> kept(ProbeOptions variant, std::span<const ProbePrompt> prompts,
                                        bool ops) {
    PARAPET_TRY(start(ops ? "ops" : "layers"));
    variant.keep_hidden = !ops;
    variant.keep_ops = ops;
    PARAPET_TRY(probe_.reconfigure(variant));
    return probe_.run(prompts);
  }

  Status tables_of_candidate(Attribution& result) {
    PARAPET_ASSIGN(const auto layers, kept(candidate_, layer_prompts_, false));
    PARAPET_TRY(start("layers"));
    PARAPET_ASSIGN(const auto own_layers,
                   probe_.run_on_inputs_of(layer_prompts_, layer_reference_));
    result.layers = layer_errors(layers, own_layers, layer_reference_,
                                 static_cast<std::size_t>(probe_.config().hidden_size));
    result.layer_positions = num_positions(layer_prompts_);
    layer_reference_.clear();
    PARAPET_ASSIGN(const auto ops, kept(candidate_, op_prompts_, true));
    const std::int64_t dense_layers = probe_.weights().dense_layers;
    PARAPET_TRY(start("ops"));
    PARAPET_ASSIGN(const auto own_ops, probe_.run_on_inputs_of(op_prompts_, op_reference_));
    result.ops = op_errors(ops, own_ops, op_reference_);
    result.operators = operator_errors(result.ops);
    result.suspect = suspect_op(result.ops, dense_layers);
    result.op_positions = num_positions(op_prompts_);
    return {};
  }

  ForwardProbe& probe_;
  ProbeOptions reference_;
  ProbeOptions candidate_;
  std::span<const ProbePrompt> prompts_;
  const AttributionOptions& options_;
  std::vector<ProbeOutput> reference_outputs_;
  std::map<VariantKey, LogitDivergence> known_;
  std::vector<ProbePrompt> layer_prompts_;
  std::vector<ProbePrompt> op_prompts_;
  std::vector<ProbeOutput> layer_reference_;
  std::vector<ProbeOutput> op_reference_;
  bool reference_is_packed_ = false;
  std::int64_t done_ = 0;
  std::int64_t total_ = 1;
};

}  // namespace

Result<Attribution> attribute(ForwardProbe& probe, const ProbeOptions& reference,
                              const ProbeOptions& candidate, std::span<const ProbePrompt> prompts,
                              const AttributionOptions& options) {
  return Attributor(probe, reference, candidate, prompts, options).run();
}

}  // namespace parapet
