#include "checkpoint/fused_matrices.h"

#include <span>

namespace parapet {

std::vector<std::string> fused_matrices(std::string_view name) {
  static constexpr std::string_view kQkv[] = {"self_attn.q_proj.weight", "self_attn.k_proj.weight",
                                              "self_attn.v_proj.weight"};
  static constexpr std::string_view kGateUp[] = {"mlp.gate_proj.weight", "mlp.up_proj.weight"};
  static constexpr std::span<const std::string_view> kSets[] = {kQkv, kGateUp};
  for (const auto& set : kSets) {
    for (const std::string_view member : set) {
      if (!name.ends_with(member)) continue;
      const std::string_view prefix = name.substr(0, name.size() - member.size());
      std::vector<std::string> names;
      for (const std::string_view each : set) names.push_back(std::string(prefix).append(each));
      return names;
    }
  }
  return {std::string(name)};
}

}  // namespace parapet
