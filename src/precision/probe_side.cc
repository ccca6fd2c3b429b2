#include "precision/probe_side.h"

#include <utility>

#include "base/check.h"

namespace parapet {

Result<std::unique_ptr<Side>> ProbeSide::load(std::string spec, const ProbeOptions& options) {
  PARAPET_ASSIGN(ForwardProbe probe, ForwardProbe::load(options));
  return std::unique_ptr<Side>(
      new ProbeSide(std::move(spec), options.model.activation_dtype, std::move(probe)));
}

PrecisionSide ProbeSide::describe() const {
  const DeviceInfo& device = probe_.device_info();
  const WeightsSummary& weights = probe_.weights();
  PrecisionSide side;
  side.spec = spec_;
  side.kind = "local";
  side.device = device.name;
  side.isa = device.isa;
  side.num_threads = device.num_threads;
  side.weights_dtype =
      weights.format ? weight_format_name(*weights.format) : dtype_name(probe_.config().dtype);
  side.activation_dtype = activation_dtype_;
  side.kv_cache_dtype = dtype_name(probe_.kv_cache_dtype());
  side.version = version();
  side.load_seconds = probe_.load_seconds();
  return side;
}

Result<std::vector<std::vector<TokenId>>> ProbeSide::answers(
    std::span<const std::vector<TokenId>> prompts, std::int64_t max_tokens) {
  return probe_.generate(prompts, max_tokens);
}

Result<std::vector<SideRows>> ProbeSide::rows(std::span<const ForcedSequence> sequences) {
  std::vector<ProbePrompt> prompts;
  for (const ForcedSequence& sequence : sequences) {
    prompts.push_back({sequence.ids, sequence.positions});
  }
  PARAPET_ASSIGN(auto outputs, probe_.run(prompts));
  std::vector<SideRows> all;
  for (ProbeOutput& output : outputs) {
    SideRows& rows = all.emplace_back();
    rows.logits = std::move(output.logits);
    rows.hidden = std::move(output.hidden);
  }
  return all;
}

}  // namespace parapet
