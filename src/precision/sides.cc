#include "precision/sides.h"

#include <utility>

#include "base/check.h"
#include "precision/dump_side.h"
#include "precision/forward_probe.h"
#include "precision/probe_side.h"
#include "precision/server_side.h"

namespace parapet {
namespace {

Result<ProbeOptions> probe_options(const SideSpec& spec, const PrecisionOptions& options,
                                   const ModelConfig& config) {
  ProbeOptions probe;
  PARAPET_ASSIGN(probe.model, local_options(spec, options.model, stored_format(config)));
  probe.isa = spec.isa;
  if (spec.format == "float32") return float32_reference(probe);
  if (spec.format == "bfloat16") probe.model.activation_dtype = "bfloat16";
  return probe;
}

}  // namespace

std::string stored_format(const ModelConfig& config) {
  if (config.quantization) return weight_format_name(config.quantization->format);
  if (config.compressed_tensors) return weight_format_name(config.compressed_tensors->format);
  return "";
}

ProgressCallback progress_of(const ProgressCallback& on_progress, const std::string& role) {
  if (!on_progress) return {};
  return [on_progress, role](std::string_view task, std::uint64_t done, std::uint64_t total) {
    on_progress(role + ": " + std::string(task), done, total);
  };
}

Result<std::unique_ptr<Side>> open_side(const SideSpec& spec, const std::string& role,
                                        const PrecisionOptions& options, const ModelConfig& config,
                                        const std::vector<TokenId>& end_tokens) {
  switch (spec.kind) {
    case SideSpec::Kind::kDump: return DumpSide::open(spec.text);
    case SideSpec::Kind::kServer: {
      ServerSideOptions server;
      server.url = spec.text;
      server.api_key = options.api_key;
      server.vocab_size = config.vocab_size;
      server.top_logprobs = options.top_logprobs;
      server.end_tokens = end_tokens;
      return ServerSide::open(std::move(server));
    }
    case SideSpec::Kind::kLocal: break;
  }
  PARAPET_ASSIGN(ProbeOptions probe, probe_options(spec, options, config));
  probe.model.on_progress = progress_of(options.on_progress, role);
  return ProbeSide::load(spec.text, probe);
}

}  // namespace parapet
